//! Random and half-random bytes at every reader: a fault, never a panic. The bodies are library functions.

use jingyue::domain::envelope::damage;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::proptest;

proptest! {
    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..400)) {
        for (_, body) in damage::BODIES {
            body(&bytes);
        }
    }

    #[test]
    fn bytes_that_look_like_der(parts in vec((0_u8..6, vec(any::<u8>(), 0..20)), 0..20)) {
        // Nested elements with right lengths get deeper into the readers than noise does.
        let mut bytes = Vec::new();
        for (kind, content) in parts {
            let tag = [0x02, 0x04, 0x06, 0x30, 0x31, 0xa0][usize::from(kind)];
            let inner = if kind > 2 { [&content[..], &bytes[..]].concat() } else { content };
            let element = jingyue::domain::asn::tlv(tag, &[&inner]);
            bytes = if kind > 2 { element } else { [bytes, element].concat() };
        }
        for (_, body) in damage::BODIES {
            body(&bytes);
        }
    }
}
