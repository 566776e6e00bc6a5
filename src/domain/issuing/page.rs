//! The XML of the package: entry, document, fonts, the page, and the files of the signature.
//!
//! Lengths are millimetres. The font is named, not carried: 宋体 is on every machine with an OFD viewer.

use super::Draft;
use super::seal::SIDE_MM;
use crate::domain::sm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

const SPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
/// Identifiers inside the document.
const PAGE: u32 = 1;
const FONT: u32 = 2;
const PICTURE: u32 = 3;
const LAYER: u32 = 4;
const FIRST_OBJECT: u32 = 10;
/// Most objects of a page; `MaxUnitID` of the document lies above them.
const UNITS_MAX: u32 = 10_000;
const WIDTH: f32 = 210.0;
const HEIGHT: f32 = 297.0;
/// Left upper corner of the seal.
const SEAL_X: f32 = 140.0;
const SEAL_Y: f32 = 205.0;
const RED: &str = "208 18 27";
const BLACK: &str = "0 0 0";
const GREY: &str = "110 110 110";

/// Text in XML, in an attribute too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

/// `OFD.xml`.
pub(super) fn entry(metadata: &[(&str, String)], clock: &str) -> Vec<u8> {
    let mut values = String::new();
    for (name, value) in metadata {
        let _ = write!(values, "<ofd:CustomData Name=\"{}\">{}</ofd:CustomData>", escape(name), escape(value));
    }
    let title = metadata.iter().find(|(name, _)| *name == "ZZMC").map_or("", |(_, value)| value);
    let day = clock.get(..8).and_then(|day| Some(format!("{}-{}-{}", day.get(..4)?, day.get(4..6)?, day.get(6..)?)));
    // DocID is a UUID without dashes; half of the digest of what the licence says is as good, and the same each time.
    let id = sm::hex(&sm::digest(values.as_bytes()).as_slice()[..16]);
    format!(
        "{DECLARATION}<ofd:OFD {SPACE} Version=\"1.0\" DocType=\"OFD\"><ofd:DocBody><ofd:DocInfo><ofd:DocID>{id}</ofd:DocID>\
         <ofd:Title>{}</ofd:Title><ofd:CreationDate>{}</ofd:CreationDate><ofd:Creator>Jingyue</ofd:Creator>\
         <ofd:CustomDatas>{values}</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>\
         <ofd:Signatures>Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody></ofd:OFD>",
        escape(title),
        day.unwrap_or_default()
    )
    .into_bytes()
}

/// `Document.xml`.
pub(super) fn document(has_picture: bool) -> Vec<u8> {
    let resources = if has_picture { "<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>" } else { "" };
    format!(
        "{DECLARATION}<ofd:Document {SPACE}><ofd:CommonData><ofd:MaxUnitID>{UNITS_MAX}</ofd:MaxUnitID><ofd:PageArea>\
         <ofd:PhysicalBox>0 0 {WIDTH} {HEIGHT}</ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>\
         {resources}</ofd:CommonData><ofd:Pages><ofd:Page ID=\"{PAGE}\" BaseLoc=\"Pages/Page_0/Content.xml\"/></ofd:Pages>\
         </ofd:Document>"
    )
    .into_bytes()
}

/// `PublicRes.xml`.
pub(super) fn fonts() -> Vec<u8> {
    format!(
        "{DECLARATION}<ofd:Res {SPACE} BaseLoc=\"Res\"><ofd:Fonts><ofd:Font ID=\"{FONT}\" FontName=\"宋体\" \
         FamilyName=\"SimSun\" Charset=\"unicode\"/></ofd:Fonts></ofd:Res>"
    )
    .into_bytes()
}

/// `DocumentRes.xml`, for the picture of a signature without a seal.
pub(super) fn resources() -> Vec<u8> {
    format!(
        "{DECLARATION}<ofd:Res {SPACE} BaseLoc=\"Res\"><ofd:MultiMedias><ofd:MultiMedia ID=\"{PICTURE}\" Type=\"Image\" \
         Format=\"PNG\"><ofd:MediaFile>seal.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias></ofd:Res>"
    )
    .into_bytes()
}

/// Objects of the page, numbered as they come.
struct Sheet {
    objects: String,
    next: u32,
}

impl Sheet {
    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// A line of text; its upper left corner.
    fn text(&mut self, (x, y): (f32, f32), size: f32, color: &str, text: &str) {
        self.object((x, y, advance(text, size) + size, size * 1.4), "", (0.0, size), size, color, text);
    }

    /// A line of text around its middle.
    fn centred(&mut self, y: f32, size: f32, color: &str, text: &str) {
        self.text(((WIDTH - advance(text, size)) / 2.0, y), size, color, text);
    }

    fn object(
        &mut self,
        (x, y, width, height): (f32, f32, f32, f32),
        matrix: &str,
        (inner_x, inner_y): (f32, f32),
        size: f32,
        color: &str,
        text: &str,
    ) {
        let mut characters = text.chars();
        characters.next_back();
        let gaps: Vec<String> = characters.map(|character| number(width_of(character, size))).collect();
        let gaps = if gaps.is_empty() { String::new() } else { format!(" DeltaX=\"{}\"", gaps.join(" ")) };
        let id = self.id();
        let _ = write!(
            self.objects,
            "<ofd:TextObject ID=\"{id}\" Boundary=\"{} {} {} {}\" Font=\"{FONT}\" Size=\"{}\"{matrix}><ofd:FillColor \
             Value=\"{color}\"/><ofd:TextCode X=\"{}\" Y=\"{}\"{gaps}>{}</ofd:TextCode></ofd:TextObject>",
            number(x),
            number(y),
            number(width),
            number(height),
            number(size),
            number(inner_x),
            number(inner_y),
            escape(text)
        );
    }

    /// The outline of a box.
    fn frame(&mut self, inset: f32, line: f32) {
        let (width, height) = (WIDTH - 2.0 * inset, HEIGHT - 2.0 * inset);
        let id = self.id();
        let _ = write!(
            self.objects,
            "<ofd:PathObject ID=\"{id}\" Boundary=\"{inset} {inset} {width} {height}\" LineWidth=\"{line}\" Stroke=\"true\" \
             Fill=\"false\"><ofd:StrokeColor Value=\"{RED}\"/><ofd:AbbreviatedData>M 0 0 L {width} 0 L {width} {height} L 0 \
             {height} C</ofd:AbbreviatedData></ofd:PathObject>"
        );
    }

    /// The office's name along the ring of the seal, letter by letter, as the viewer's font has it.
    fn ring(&mut self, name: &str) {
        #[allow(clippy::cast_precision_loss, reason = "40")]
        let side = SIDE_MM as f32;
        let count = name.chars().count().clamp(1, 24);
        let size = if count > 14 { 3.2 } else { 4.2 };
        let radius = side / 2.0 - 2.2 - size;
        // A letter takes a little more than its width, and together they take at most three quarters of the ring.
        #[allow(clippy::cast_precision_loss, reason = "at most 24")]
        let (gaps, most) = ((count - 1).max(1) as f32, 4.3_f32);
        let step = (most / gaps).min(size * 1.25 / radius);
        for (index, letter) in name.chars().take(24).enumerate() {
            #[allow(clippy::cast_precision_loss, reason = "at most 24")]
            let angle = (index as f32 - (count - 1) as f32 / 2.0) * step;
            let (sine, cosine) = angle.sin_cos();
            // The matrix turns the letter about the middle of its own box, so that a viewer without turning shows it upright
            // in its place.
            let (x, y) = (SEAL_X + side / 2.0 + radius * sine, SEAL_Y + side / 2.0 - radius * cosine);
            let numbers =
                [cosine, sine, -sine, cosine, size * (1.0 - cosine + sine), size * (1.0 - sine - cosine)].map(number);
            let matrix = format!(" CTM=\"{}\"", numbers.join(" "));
            let box_ = (x - size, y - size, 2.0 * size, 2.0 * size);
            self.object(box_, &matrix, (size / 2.0, size * 1.36), size, RED, &letter.to_string());
        }
    }

    fn image(&mut self) {
        let id = self.id();
        let _ = write!(
            self.objects,
            "<ofd:ImageObject ID=\"{id}\" Boundary=\"{SEAL_X} {SEAL_Y} {SIDE_MM} {SIDE_MM}\" CTM=\"{SIDE_MM} 0 0 {SIDE_MM} 0 \
             0\" ResourceID=\"{PICTURE}\"/>"
        );
    }
}

/// Letters of the square are as wide as they are high, the others half.
fn width_of(character: char, size: f32) -> f32 {
    if character.is_ascii() { size / 2.0 } else { size }
}

fn advance(text: &str, size: f32) -> f32 {
    text.chars().map(|character| width_of(character, size)).sum()
}

/// At most three decimals.
fn number(value: f32) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Splits a value into lines of that width.
fn lines(text: &str, size: f32, width: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0.0;
    for character in text.chars() {
        let own = width_of(character, size);
        if taken + own > width {
            lines.push(String::new());
            taken = 0.0;
        }
        taken += own;
        if let Some(last) = lines.last_mut() {
            last.push(character);
        }
    }
    lines
}

/// The page.
pub(super) fn content(draft: &Draft, identifier: &str, has_picture: bool) -> Vec<u8> {
    const LEFT: f32 = 28.0;
    const VALUES: f32 = 78.0;
    const SIZE: f32 = 5.0;
    let mut sheet = Sheet { objects: String::new(), next: FIRST_OBJECT };
    sheet.frame(10.0, 1.2);
    sheet.frame(12.5, 0.35);
    sheet.centred(34.0, 12.0, RED, &draft.name);
    let mut y = 68.0;
    for entry in draft.entries.iter().filter(|entry| !entry.title.is_empty()) {
        sheet.text((LEFT, y), SIZE, GREY, &entry.title);
        for line in lines(&entry.value, SIZE, WIDTH - VALUES - 24.0) {
            sheet.text((VALUES, y), SIZE, BLACK, &line);
            y += SIZE * 1.7;
        }
        y += 1.5;
        // What does not fit above the seal is in the metadata only.
        if y > SEAL_Y - 15.0 {
            break;
        }
    }
    sheet.text((LEFT, 222.0), SIZE, BLACK, &format!("发证机关：{}", draft.authority));
    if has_picture {
        sheet.image();
    }
    sheet.ring(&draft.authority);
    sheet.text((20.0, 258.0), 3.0, GREY, "证照标识");
    for (index, line) in lines(identifier, 3.0, 150.0).iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "a line or two")]
        let down = index as f32 * 4.2;
        sheet.text((36.0, 258.0 + down), 3.0, GREY, line);
    }
    sheet.centred(272.0, 3.6, GREY, &draft.remark);
    format!(
        "{DECLARATION}<ofd:Page {SPACE}><ofd:Area><ofd:PhysicalBox>0 0 {WIDTH} {HEIGHT}</ofd:PhysicalBox></ofd:Area>\
         <ofd:Content><ofd:Layer ID=\"{LAYER}\" Type=\"Body\">{}</ofd:Layer></ofd:Content></ofd:Page>",
        sheet.objects
    )
    .into_bytes()
}

/// `Signatures.xml`.
pub(super) fn signatures(has_seal: bool) -> Vec<u8> {
    let kind = if has_seal { "Seal" } else { "Sign" };
    format!(
        "{DECLARATION}<ofd:Signatures {SPACE}><ofd:MaxSignId>1</ofd:MaxSignId><ofd:Signature ID=\"1\" Type=\"{kind}\" \
         BaseLoc=\"/Doc_0/Signs/Sign_0/Signature.xml\"/></ofd:Signatures>"
    )
    .into_bytes()
}

/// `Signature.xml` over these members.
pub(super) fn signature(references: &[(String, [u8; sm::DIGEST_BYTES])], clock: &str, has_seal: bool) -> Vec<u8> {
    let mut list = String::new();
    for (name, digest) in references {
        let digest = STANDARD.encode(digest);
        let _ =
            write!(list, "<ofd:Reference FileRef=\"{name}\"><ofd:CheckValue>{digest}</ofd:CheckValue></ofd:Reference>");
    }
    let seal = if has_seal {
        format!(
            "<ofd:StampAnnot ID=\"1\" PageRef=\"{PAGE}\" Boundary=\"{SEAL_X} {SEAL_Y} {SIDE_MM} {SIDE_MM}\"/>\
             <ofd:Seal><ofd:BaseLoc>/Doc_0/Signs/Sign_0/Seal.esl</ofd:BaseLoc></ofd:Seal>"
        )
    } else {
        String::new()
    };
    format!(
        "{DECLARATION}<ofd:Signature {SPACE}><ofd:SignedInfo><ofd:Provider ProviderName=\"Jingyue\" Version=\"1.0\" \
         Company=\"Jingyue\"/><ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod>\
         <ofd:SignatureDateTime>{clock}</ofd:SignatureDateTime><ofd:References CheckMethod=\"1.2.156.10197.1.401\">{list}\
         </ofd:References>{seal}</ofd:SignedInfo><ofd:SignedValue>/Doc_0/Signs/Sign_0/SignedValue.dat</ofd:SignedValue>\
         </ofd:Signature>"
    )
    .into_bytes()
}
