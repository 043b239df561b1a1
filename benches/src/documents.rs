//! Deterministic documents: card payments of 1 KB and batches of orders of any size.

use std::fmt::Write;

/// Members that are protected in a payment.
pub const PAYMENT_PATHS: &[&str] = &["$.card.number", "$.card.cvc", "$.customer.ssn"];

/// Members that are protected in a batch of orders: six of each order.
pub const ORDERS_PATHS: &[&str] = &[
    "$.orders[*].customer.name",
    "$.orders[*].customer.email",
    "$.orders[*].customer.ssn",
    "$.orders[*].customer.phone",
    "$.orders[*].payment.card",
    "$.orders[*].payment.holder",
];

/// SplitMix64: small, seeded, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    fn ssn(&mut self) -> String {
        format!("{}-{}-{}", self.digits(3), self.digits(2), self.digits(4))
    }

    fn amount(&mut self) -> String {
        format!("{}.{}", 1 + self.below(5000), self.digits(2))
    }
}

const FIRST: &[&str] = &[
    "Ada",
    "Björn",
    "Carmen",
    "Dmitri",
    "Esra",
    "Françoise",
    "Grace",
    "Hiroshi",
    "Ines",
    "Jo",
    "Konstantin",
];
const LAST: &[&str] =
    &["Lovelace", "Ng", "O\\u2019Hara", "Müller", "García", "Smith", "Papadopoulos", "Yılmaz", "Li"];
const CITIES: &[&str] = &["Berlin", "Lyon", "São Paulo", "Leeds", "Kraków", "Osaka", "Austin", "Utrecht"];
const STREETS: &[&str] = &["Long Acre", "Hauptstraße", "Rue de la Paix", "Calle Mayor", "Mill Lane"];
const ITEMS: &[&str] =
    &["Desk lamp", "USB-C cable, 2 m", "Notebook \\\"A5\\\"", "Coffee beans", "Walking boots"];
const NOTES: &[&str] = &[
    "Leave with the neighbour if nobody answers the door.",
    "Gift: no invoice in the box, please.\\nThe card should say \\\"Happy birthday\\\".",
    "Second delivery attempt after 18:00, ring twice.",
];

/// A payment of about 1 KB, pretty-printed, with 3 protected members.
pub fn payment(seed: u64) -> Vec<u8> {
    let random = &mut Random(seed);
    let (first, last) = (random.pick(FIRST), random.pick(LAST));
    let text = format!(
        r#"{{
  "id": "pay_{id}",
  "created": "2026-0{month}-{day}T{hour}:{minute}:07Z",
  "amount": {amount},
  "currency": "{currency}",
  "captured": {captured},
  "customer": {{
    "id": {customer},
    "name": "{first} {last}",
    "email": "{mail}@example.com",
    "ssn": "{ssn}",
    "address": {{
      "street": "{street} {number}",
      "city": "{city}",
      "postcode": "{postcode}",
      "country": "{country}"
    }}
  }},
  "card": {{
    "brand": "{brand}",
    "number": "{pan}",
    "cvc": "{cvc}",
    "exp_month": {exp},
    "exp_year": 2031
  }},
  "items": [
    {{"sku": "A-{sku1}", "title": "{title1}", "quantity": {q1}, "price": {price1}}},
    {{"sku": "B-{sku2}", "title": "{title2}", "quantity": {q2}, "price": {price2}}}
  ],
  "risk": {{"score": 0.{risk}, "ip": "203.0.113.{ip}", "device": null}},
  "metadata": {{
    "channel": "{channel}",
    "campaign": "spring-{campaign}",
    "note": "{note}"
  }},
  "links": {{
    "self": "https://api.example.com/v1/payments/{link}",
    "refund": "https://api.example.com/v1/payments/{link}/refunds"
  }}
}}
"#,
        id = random.digits(10 + (seed % 6) as usize),
        month = 1 + random.below(9),
        day = 10 + random.below(19),
        hour = 10 + random.below(14),
        minute = 10 + random.below(50),
        amount = random.amount(),
        currency = random.pick(&["EUR", "USD", "GBP"]),
        captured = random.pick(&["true", "false"]),
        customer = random.below(1_000_000),
        mail = first.to_lowercase(),
        ssn = random.ssn(),
        street = random.pick(STREETS),
        number = random.below(200),
        city = random.pick(CITIES),
        postcode = random.digits(5),
        country = random.pick(&["DE", "FR", "BR", "GB", "PL", "JP", "US", "NL"]),
        brand = random.pick(&["visa", "mastercard", "amex"]),
        pan = random.digits(16),
        cvc = random.digits(3),
        exp = 1 + random.below(12),
        sku1 = random.digits(5),
        title1 = random.pick(ITEMS),
        q1 = 1 + random.below(12),
        price1 = random.amount(),
        sku2 = random.digits(5),
        title2 = random.pick(ITEMS),
        q2 = 1 + random.below(12),
        price2 = random.amount(),
        risk = random.below(1000),
        ip = random.below(255),
        channel = random.pick(&["web", "app", "phone"]),
        campaign = random.digits(4),
        note = random.pick(NOTES),
        link = random.digits(12),
    );
    text.into_bytes()
}

/// A compact batch of `count` orders of about 1 040 bytes and 6 protected members each.
pub fn orders(seed: u64, count: usize) -> Vec<u8> {
    let random = &mut Random(seed);
    let mut text = String::with_capacity(count * 1100);
    let write =
        |text: &mut String, args: std::fmt::Arguments<'_>| text.write_fmt(args).expect("strings grow");
    write(&mut text, format_args!(r#"{{"id":"batch-{}","version":3,"orders":["#, random.digits(8)));
    for at in 0..count {
        if at > 0 {
            text.push(',');
        }
        order(&mut text, random, at);
    }
    text.push_str("]}");
    text.into_bytes()
}

fn order(text: &mut String, random: &mut Random, at: usize) {
    let (first, last) = (random.pick(FIRST), random.pick(LAST));
    let customer = format!(
        r#"{{"id":{id},"name":"{first} {last}","email":"{mail}.{digits}@example.com","ssn":"{ssn}","phone":"+49 30 {phone}","segment":"{segment}","address":{{"street":"{street} {number}","city":"{city}","postcode":"{postcode}","country":"{country}"}}}}"#,
        id = random.below(1_000_000),
        mail = first.to_lowercase(),
        digits = random.digits(2),
        ssn = random.ssn(),
        phone = random.digits(7),
        segment = random.pick(&["retail", "business", "partner"]),
        street = random.pick(STREETS),
        number = random.below(200),
        city = random.pick(CITIES),
        postcode = random.digits(5),
        country = random.pick(&["DE", "FR", "BR", "GB", "PL", "JP", "US", "NL"]),
    );
    let payment = format!(
        r#"{{"method":"card","brand":"{brand}","card":"{card}","holder":"{first} {last}","currency":"EUR","amount":{amount},"settled":{settled}}}"#,
        brand = random.pick(&["visa", "mastercard", "amex"]),
        card = random.digits(16),
        amount = random.amount(),
        settled = random.pick(&["true", "false", "null"]),
    );
    let lines: Vec<String> = (0..4)
        .map(|line| {
            format!(
                r#"{{"line":{line},"sku":"S-{sku}","title":"{title}","quantity":{quantity},"price":{price},"tax":0.19}}"#,
                sku = random.digits(6),
                title = random.pick(ITEMS),
                quantity = 1 + random.below(9),
                price = random.amount(),
            )
        })
        .collect();
    let written = write!(
        text,
        r#"{{"id":"ord-{at:06}","created":"2026-05-{day}T09:{minute}:00Z","status":"{status}","customer":{customer},"payment":{payment},"items":[{lines}],"shipping":{{"carrier":"{carrier}","weight":{weight},"insured":false,"tracking":"https://track.example.com/parcels/{parcel}","label":null}},"note":"{note}"}}"#,
        day = 10 + random.below(19),
        minute = 10 + random.below(50),
        status = random.pick(&["open", "packed", "shipped", "returned"]),
        lines = lines.join(","),
        carrier = random.pick(&["dhl", "ups", "post"]),
        weight = random.amount(),
        parcel = random.digits(14),
        note = random.pick(NOTES),
    );
    written.expect("strings grow");
}
