//! Makes licences, seals, certificates and containers, right ones and wrong ones. Keys, offices and holders are made up.

use jingyue::domain::sm;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::domain::sm::sm2::PrivateKey;

/// 2024-03-15T02:00:00Z.
pub(crate) const SIGNED: &str = "20240315020000Z";
/// 2024-06-01T00:00:00+08:00.
pub(crate) const AT: i64 = 1_717_171_200;
/// The credit code of the office that issues.
pub(crate) const OFFICE: &str = "11430600LAB0000011";

pub(crate) const SM2_SM3: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x75];

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        length @ 0..0x80 => out.push(u8::try_from(length).unwrap()),
        length @ 0x80..0x100 => out.extend([0x81, u8::try_from(length).unwrap()]),
        length => out.extend([&[0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat()),
    }
    out.extend(content);
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub(crate) fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(4, &[bytes])
}

pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], bytes])
}

pub(crate) fn number(value: u8) -> Vec<u8> {
    tlv(2, &[&[value]])
}

pub(crate) fn oid(bytes: &[u8]) -> Vec<u8> {
    tlv(6, &[bytes])
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(12, &[text.as_bytes()])
}

pub(crate) fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, &[text.as_bytes()])
}

pub(crate) fn time(text: &str) -> Vec<u8> {
    tlv(0x18, &[text.as_bytes()])
}

/// A key and its certificate.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) key: [u8; 32],
    pub(crate) name: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
}

impl Holder {
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        PrivateKey::from_bytes(&self.key).unwrap().sign(DEFAULT_ID, &[message], &[9; 32]).unwrap().to_der()
    }

    pub(crate) fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        PrivateKey::from_bytes(&self.key).unwrap().sign(DEFAULT_ID, &[message], &[9; 32]).unwrap().to_bytes().to_vec()
    }
}

/// What a certificate is to say.
#[derive(Clone)]
pub(crate) struct Wanted<'a> {
    pub(crate) number: u8,
    pub(crate) organization: &'a str,
    pub(crate) common_name: &'a str,
    pub(crate) from: &'a str,
    pub(crate) until: &'a str,
    /// cA, pathLenConstraint.
    pub(crate) authority: Option<(bool, Option<u8>)>,
    pub(crate) usage: u8,
    pub(crate) has_unknown_critical: bool,
    pub(crate) is_off_curve: bool,
    pub(crate) algorithm: &'a [u8],
    pub(crate) stamps_time: bool,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            number: 1,
            organization: "11430600LAB0000011岳阳市测试局",
            common_name: "43060000000001",
            from: "20200101000000Z",
            until: "20391231235959Z",
            authority: Some((false, None)),
            usage: 0xc0,
            has_unknown_critical: false,
            is_off_curve: false,
            algorithm: SM2_SM3,
            stamps_time: false,
        }
    }
}

fn name(organization: &str, common_name: &str) -> Vec<u8> {
    let part = |id: &[u8], value: &str| tlv(0x31, &[&sequence(&[&oid(id), &utf8(value)])]);
    let organization = if organization.is_empty() { Vec::new() } else { part(&[0x55, 4, 10], organization) };
    sequence(&[&organization, &part(&[0x55, 4, 3], common_name)])
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    sequence(&[&oid(id), flag, &octets(value)])
}

/// Makes a certificate; the key follows from `seed`. Without an issuer it is self-signed.
pub(crate) fn certify(wanted: &Wanted<'_>, seed: u8, issuer: Option<&Holder>) -> Holder {
    let key = [seed; 32];
    let mut public = PrivateKey::from_bytes(&key).unwrap().public().to_bytes();
    if wanted.is_off_curve {
        public[64] ^= 1;
    }
    let own = name(wanted.organization, wanted.common_name);
    let algorithm = sequence(&[&oid(wanted.algorithm)]);
    let mut extensions = Vec::new();
    if let Some((authority, length)) = wanted.authority {
        let flag: &[u8] = if authority { &[1, 1, 0xff] } else { &[] };
        let length = length.map(number).unwrap_or_default();
        extensions.push(extension(&[0x55, 0x1d, 19], true, &sequence(&[flag, &length])));
    }
    extensions.push(extension(&[0x55, 0x1d, 15], true, &tlv(3, &[&[0, wanted.usage]])));
    if wanted.has_unknown_critical {
        extensions.push(extension(&[0x2a, 3, 4], true, &[5, 0]));
    }
    if wanted.stamps_time {
        extensions.push(extension(&[0x55, 0x1d, 37], true, &sequence(&[&oid(&[0x2b, 6, 1, 5, 5, 7, 3, 8])])));
    }
    let curve =
        [oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), oid(&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d])].concat();
    let content = sequence(&[
        &tlv(0xa0, &[&number(2)]),
        &number(wanted.number),
        &algorithm,
        issuer.map_or(&own, |issuer| &issuer.name),
        &sequence(&[&time(wanted.from), &time(wanted.until)]),
        &own,
        &sequence(&[&sequence(&[&curve]), &bits(&public)]),
        &tlv(0xa3, &[&sequence(&[&extensions.concat()])]),
    ]);
    let mut holder = Holder { key, name: own, certificate: Vec::new() };
    let value = issuer.unwrap_or(&holder).sign(&content);
    holder.certificate = sequence(&[&content, &algorithm, &bits(&value)]);
    holder
}

/// A revocation list.
pub(crate) fn revoke(issuer: &Holder, revoked: &[(u8, &str)], next_update: &str) -> Vec<u8> {
    let algorithm = sequence(&[&oid(SM2_SM3)]);
    let entries: Vec<u8> =
        revoked.iter().flat_map(|(serial, when)| sequence(&[&number(*serial), &time(when)])).collect();
    let entries = if entries.is_empty() { Vec::new() } else { sequence(&[&entries]) };
    let content =
        sequence(&[&number(1), &algorithm, &issuer.name, &time("20240501000000Z"), &time(next_update), &entries]);
    sequence(&[&content, &algorithm, &bits(&issuer.sign(&content))])
}

/// Everything that signs.
#[derive(Clone)]
pub(crate) struct Offices {
    pub(crate) root: Holder,
    pub(crate) authority: Holder,
    pub(crate) office: Holder,
    pub(crate) maker: Holder,
}

impl Offices {
    pub(crate) fn new() -> Self {
        let authority = |number, name| Wanted {
            number,
            organization: "",
            common_name: name,
            authority: Some((true, None)),
            usage: 6,
            ..Wanted::default()
        };
        let root = certify(&authority(1, "测试根"), 1, None);
        let authority = certify(&authority(2, "测试印章机构"), 2, Some(&root));
        let office = certify(&Wanted { number: 3, ..Wanted::default() }, 3, Some(&authority));
        let maker = Wanted { number: 4, organization: "", common_name: "测试制章系统", ..Wanted::default() };
        let maker = certify(&maker, 4, Some(&authority));
        Self { root, authority, office, maker }
    }

    /// The trust folder: the root, the authority between, both lists.
    pub(crate) fn files(&self, revoked: &[(u8, &str)]) -> Vec<(String, Vec<u8>)> {
        vec![
            ("root.cer".to_owned(), self.root.certificate.clone()),
            ("authority.cer".to_owned(), self.authority.certificate.clone()),
            ("root.crl".to_owned(), revoke(&self.root, &[], "20391231235959Z")),
            ("authority.crl".to_owned(), revoke(&self.authority, revoked, "20391231235959Z")),
        ]
    }
}

/// Members of a package, in their order.
pub(crate) type Members = Vec<(String, Vec<u8>)>;

/// Makes a time stamp over the bytes.
pub(crate) type Stamp = fn(&[u8]) -> Vec<u8>;

/// A licence that is to be signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) offices: Offices,
    pub(crate) metadata: Vec<(&'static str, String)>,
    /// Besides OFD.xml.
    pub(crate) members: Members,
    pub(crate) uncovered: Vec<&'static str>,
    pub(crate) check_method: &'static str,
    /// 1, 4 or 5: the structure.
    pub(crate) version: u8,
    /// What the signature says of its version.
    pub(crate) told_version: u8,
    pub(crate) is_raw: bool,
    pub(crate) listed: Vec<Vec<u8>>,
    pub(crate) lists_digests: bool,
    pub(crate) seal_until: &'static str,
    pub(crate) time: &'static str,
    pub(crate) xml_time: &'static str,
    pub(crate) property: &'static str,
    pub(crate) extension: Option<(bool, &'static [u8])>,
    pub(crate) stamp: Option<Stamp>,
}

impl Draft {
    pub(crate) fn new() -> Self {
        let text = |text: &str| text.as_bytes().to_vec();
        let space = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";
        let offices = Offices::new();
        let listed = vec![offices.office.certificate.clone()];
        let kind = "11100000MB0143028R001";
        let serial = "LAB430600000001";
        let check = jingyue::domain::licence::check_character(&format!("{kind}{OFFICE}{serial}001")).unwrap();
        Self {
            offices,
            metadata: vec![
                ("ZZMC", "营业执照".to_owned()),
                ("ZZLXDM", kind.to_owned()),
                ("ZZBS", format!("1.2.156.3005.2.{kind}.{OFFICE}.{serial}.001.{check}")),
                ("ZZBFJG", "岳阳市测试局".to_owned()),
                ("ZZBFJGDM", OFFICE.to_owned()),
                ("ZZYXQQSRQ", "2024-03-15".to_owned()),
                ("ZZYXQJZRQ", "2044-03-14".to_owned()),
            ],
            members: vec![
                (
                    "Doc_0/Document.xml".to_owned(),
                    text(&format!(
                        "<ofd:Document {space}><ofd:CommonData><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>\
                         </ofd:CommonData><ofd:Pages><ofd:Page ID=\"1\" BaseLoc=\"Pages/Content.xml\"/></ofd:Pages>\
                         </ofd:Document>"
                    )),
                ),
                ("Doc_0/PublicRes.xml".to_owned(), text(&format!("<ofd:Res {space} BaseLoc=\"Res\"/>"))),
                (
                    "Doc_0/Pages/Content.xml".to_owned(),
                    text(&format!("<ofd:Page {space}><ofd:TextCode>测试 1.5/2</ofd:TextCode></ofd:Page>")),
                ),
            ],
            uncovered: Vec::new(),
            check_method: " CheckMethod=\"1.2.156.10197.1.401\"",
            version: 4,
            told_version: 4,
            is_raw: false,
            listed,
            lists_digests: false,
            seal_until: "20391231235959Z",
            time: SIGNED,
            xml_time: SIGNED,
            property: "/Doc_0/Signs/Sign_0/Signature.xml",
            extension: None,
            stamp: None,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        value.clone_into(&mut self.metadata.iter_mut().find(|(known, _)| *known == name).unwrap().1);
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        let legacy = self.version == 1;
        let clock = |text: &str| if legacy { tlv(0x17, &[&text.as_bytes()[2..]]) } else { time(text) };
        let list: Vec<u8> = if self.lists_digests {
            self.listed
                .iter()
                .flat_map(|listed| sequence(&[&tlv(0x13, &[b"SM3"]), &octets(&sm::digest(listed))]))
                .collect()
        } else {
            self.listed.iter().flat_map(|listed| octets(listed)).collect()
        };
        let kind = if legacy { Vec::new() } else { number(if self.lists_digests { 2 } else { 1 }) };
        let property = sequence(&[
            &number(1),
            &utf8("岳阳市测试局电子证照专用章"),
            &kind,
            &sequence(&[&list]),
            &clock("20200101000000Z"),
            &clock("20200101000000Z"),
            &clock(self.seal_until),
        ]);
        let header = sequence(&[&ia5("ES"), &number(self.version), &ia5("LAB")]);
        let picture = sequence(&[&ia5("PNG"), &octets(b"picture"), &number(40), &number(40)]);
        // A BOOLEAN that equals its default, written out as real seals have it.
        let extensions = sequence(&[&sequence(&[&oid(&[0x2a, 3]), &[1, 1, 0], &octets(b"x")])]);
        let info = sequence(&[&header, &ia5("43060000000001"), &property, &picture, &extensions]);
        let (maker, algorithm) = (octets(&self.offices.maker.certificate), oid(SM2_SM3));
        if legacy {
            let value = self.offices.maker.sign(&sequence(&[&info, &maker, &algorithm]));
            sequence(&[&info, &sequence(&[&maker, &algorithm, &bits(&value)])])
        } else {
            sequence(&[&info, &maker, &algorithm, &bits(&self.offices.maker.sign(&info))])
        }
    }

    /// The value over a Signature.xml, with a seal.
    pub(crate) fn value(&self, seal: &[u8], signature_file: &[u8]) -> Vec<u8> {
        let digest = bits(&sm::digest(signature_file));
        let (certificate, algorithm) = (octets(&self.offices.office.certificate), oid(SM2_SM3));
        let told = number(self.told_version);
        let sign = |message: &[u8]| {
            let office = &self.offices.office;
            if self.is_raw { office.sign_raw(message) } else { office.sign(message) }
        };
        if self.version == 1 {
            let clock = bits(&tlv(0x17, &[&self.time.as_bytes()[2..]]));
            let signed = sequence(&[&told, seal, &clock, &digest, &ia5(self.property), &certificate, &algorithm]);
            return sequence(&[&signed, &bits(&sign(&signed))]);
        }
        let extensions = self.extension.map_or(Vec::new(), |(critical, value)| {
            tlv(0xa0, &[&sequence(&[&extension(&[0x2a, 3, 5], critical, value)])])
        });
        let signed = sequence(&[&told, seal, &time(self.time), &digest, &ia5(self.property), &extensions]);
        let value = sign(&signed);
        let stamp = self.stamp.map_or(Vec::new(), |stamp| tlv(0xa0, &[&bits(&stamp(&value))]));
        sequence(&[&signed, &certificate, &algorithm, &bits(&value), &stamp])
    }

    fn entry(&self) -> Vec<u8> {
        let values: String = self
            .metadata
            .iter()
            .map(|(name, value)| format!("<ofd:CustomData Name=\"{name}\">{value}</ofd:CustomData>"))
            .collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ofd:OFD xmlns:ofd=\"http://www.ofdspec.org/2016\"><ofd:DocBody>\
             <ofd:DocInfo><ofd:CustomDatas>{values}</ofd:CustomDatas></ofd:DocInfo>\
             <ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>\
             <ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody></ofd:OFD>"
        )
        .into_bytes()
    }

    /// The members without their signature.
    pub(crate) fn unsigned(&self) -> Members {
        let mut members = vec![("OFD.xml".to_owned(), self.entry())];
        members.extend(self.members.iter().cloned());
        members
    }

    /// Signature.xml over `members`.
    pub(crate) fn signature_file(&self, members: &Members, has_seal: bool) -> Vec<u8> {
        let covered = members.iter().filter(|(name, _)| !self.uncovered.contains(&name.as_str()));
        let references: String = covered
            .map(|(name, bytes)| {
                let digest = base64(&sm::digest(bytes));
                format!("<ofd:Reference FileRef=\"/{name}\"><ofd:CheckValue>{digest}</ofd:CheckValue></ofd:Reference>")
            })
            .collect();
        let seal = if has_seal { "<ofd:Seal><ofd:BaseLoc>Seal.esl</ofd:BaseLoc></ofd:Seal>" } else { "" };
        format!(
            "<ofd:Signature xmlns:ofd=\"http://www.ofdspec.org/2016\"><ofd:SignedInfo>\
             <ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod>\
             <ofd:SignatureDateTime>{}</ofd:SignatureDateTime><ofd:References{}>{references}</ofd:References>{seal}\
             </ofd:SignedInfo><ofd:SignedValue>SignedValue.dat</ofd:SignedValue></ofd:Signature>",
            self.xml_time, self.check_method
        )
        .into_bytes()
    }

    fn list(kind: &str) -> Vec<u8> {
        format!(
            "<ofd:Signatures xmlns:ofd=\"http://www.ofdspec.org/2016\"><ofd:Signature ID=\"1\"{kind} \
             BaseLoc=\"Sign_0/Signature.xml\"/></ofd:Signatures>"
        )
        .into_bytes()
    }

    /// Signed with a seal.
    pub(crate) fn sealed(&self) -> Members {
        let mut members = self.unsigned();
        let seal = self.seal();
        let signature = self.signature_file(&members, true);
        let value = self.value(&seal, &signature);
        members.push(("Doc_0/Signs/Signatures.xml".to_owned(), Self::list("")));
        members.push(("Doc_0/Signs/Sign_0/Signature.xml".to_owned(), signature));
        members.push(("Doc_0/Signs/Sign_0/Seal.esl".to_owned(), seal));
        members.push(("Doc_0/Signs/Sign_0/SignedValue.dat".to_owned(), value));
        members
    }

    /// Signed without a seal, by what `value` makes of Signature.xml.
    pub(crate) fn signed(&self, value: impl Fn(&Self, &[u8]) -> Vec<u8>) -> Members {
        let mut members = self.unsigned();
        let signature = self.signature_file(&members, false);
        let value = value(self, &signature);
        members.push(("Doc_0/Signs/Signatures.xml".to_owned(), Self::list(" Type=\"Sign\"")));
        members.push(("Doc_0/Signs/Sign_0/Signature.xml".to_owned(), signature));
        members.push(("Doc_0/Signs/Sign_0/SignedValue.dat".to_owned(), value));
        members
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The bytes of a member, to change them.
pub(crate) fn member<'a>(members: &'a mut Members, name: &str) -> &'a mut Vec<u8> {
    &mut members.iter_mut().find(|(known, _)| known.ends_with(name)).unwrap().1
}

/// Replaces a text in a member, which must be there.
pub(crate) fn replace(members: &mut Members, name: &str, from: &str, to: &str) {
    let bytes = member(members, name);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from), "{name}: {from}");
    *bytes = text.replacen(from, to, 1).into_bytes();
}

/// One member of a container, and how its headers lie.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) local_name: Option<String>,
    pub(crate) data: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) attributes: u32,
    /// Sizes and digest behind the data.
    pub(crate) has_descriptor: bool,
    /// The unpacked size that is told, where it is not that of the data.
    pub(crate) told_size: Option<u32>,
}

/// A container of stored members.
pub(crate) fn container(entries: &[Entry]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = u32::try_from(file.len()).unwrap();
        let size = u32::try_from(entry.data.len()).unwrap();
        let crc = crc32fast::hash(&entry.data);
        let flags = entry.flags | if entry.has_descriptor { 8 } else { 0 };
        let numbers = [crc, size, entry.told_size.unwrap_or(size)].map(u32::to_le_bytes).concat();
        let name = entry.local_name.as_ref().unwrap_or(&entry.name);
        let zeros = [0; 12];
        let head = |file: &mut Vec<u8>, numbers: &[u8], name: &str| {
            file.extend([20, 0]);
            file.extend(flags.to_le_bytes());
            file.extend(entry.method.to_le_bytes());
            file.extend([0; 4]);
            file.extend(numbers);
            file.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            file.extend([0; 2]);
        };
        file.extend(b"PK\x03\x04");
        head(&mut file, if entry.has_descriptor { &zeros } else { &numbers }, name);
        file.extend(name.as_bytes());
        file.extend(&entry.data);
        if entry.has_descriptor {
            file.extend(b"PK\x07\x08");
            file.extend(&numbers);
        }
        directory.extend(b"PK\x01\x02\x14\x03");
        head(&mut directory, &numbers, &entry.name);
        directory.extend([0; 6]);
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let (start, size) = (u32::try_from(file.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].concat());
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    file
}

/// The members as entries.
pub(crate) fn entries(members: &Members) -> Vec<Entry> {
    let entry = |(name, data): &(String, Vec<u8>)| Entry { name: name.clone(), data: data.clone(), ..Entry::default() };
    members.iter().map(entry).collect()
}

pub(crate) fn pack(members: &Members) -> Vec<u8> {
    container(&entries(members))
}

/// A licence with a picture of that many bytes, which do not pack, stored; composed.
#[allow(dead_code, reason = "for the bench and the count of memory")]
pub(crate) fn large(bytes: usize) -> (Draft, Vec<u8>) {
    let mut draft = Draft::new();
    let document = &mut draft.members[0].1;
    let text = String::from_utf8(document.clone()).unwrap();
    *document = text.replace("</ofd:Document>", "<ofd:Cover>Res/picture.png</ofd:Cover></ofd:Document>").into_bytes();
    let mut state = 1_u32;
    let picture = (0..bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    draft.members.push(("Doc_0/Res/picture.png".to_owned(), picture.collect()));
    let file = pack(&draft.sealed());
    (draft, file)
}
