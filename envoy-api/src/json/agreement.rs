//! Messages of every type by chance: the quick way prints what the general one prints.

use super::*;
use prost_reflect::{Kind, MapKey, Value as Field};

/// Numbers by chance, the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn message(&mut self, of: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut out = DynamicMessage::new(of.clone());
        match of.full_name() {
            "google.protobuf.Any" => {
                let all: Vec<MessageDescriptor> = pool()
                    .all_messages()
                    .filter(|one| !one.is_map_entry() && one.full_name() != "google.protobuf.Value")
                    .collect();
                let at = usize::try_from(self.below(all.len() as u64)).unwrap();
                let inner = self.message(&all[at], depth + 1);
                let url = format!("type.googleapis.com/{}", all[at].full_name());
                out.set_field_by_number(1, Field::String(url));
                out.set_field_by_number(2, Field::Bytes(inner.encode_to_vec().into()));
                return out;
            }
            "google.protobuf.Duration" => {
                out.set_field_by_number(1, Field::I64(self.below(1 << 20).cast_signed()));
                let unit = [1, 1_000, 1_000_000][usize::try_from(self.below(3)).unwrap()];
                let nanos = self.below(1000) * unit;
                out.set_field_by_number(2, Field::I32(i32::try_from(nanos).unwrap()));
                return out;
            }
            _ => {}
        }
        for field in of.fields() {
            // A free value is one of its kinds; it is never empty, where messages may be.
            let wanted = of.full_name() == "google.protobuf.Value" || self.below(3) > 0;
            let leaf = field.kind().as_message().is_none();
            if !wanted || (depth > 4 && !leaf) {
                continue;
            }
            let value = if field.is_map() {
                let kind = field.kind();
                let entry = kind.as_message().unwrap();
                let value = entry.get_field(2).unwrap();
                let entries = (0..self.below(3))
                    .map(|at| (MapKey::String(format!("k{at}")), self.value(&value.kind(), depth)))
                    .collect();
                Field::Map(entries)
            } else if field.is_list() {
                let count = self.below(3);
                Field::List((0..count).map(|_| self.value(&field.kind(), depth)).collect())
            } else {
                self.value(&field.kind(), depth)
            };
            out.set_field(&field, value);
        }
        out
    }

    fn value(&mut self, kind: &Kind, depth: u32) -> Field {
        match kind {
            Kind::Bool => Field::Bool(self.below(2) == 0),
            Kind::String => {
                Field::String(["", "a", "ü \"x\""][usize::try_from(self.below(3)).unwrap()].to_owned())
            }
            Kind::Bytes => Field::Bytes(vec![1, 2, 255].into()),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32(7 - self.below(20) as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(self.next().cast_signed()),
            Kind::Uint32 | Kind::Fixed32 => Field::U32(self.next() as u32),
            Kind::Uint64 | Kind::Fixed64 => Field::U64(self.next()),
            Kind::Float => Field::F32(self.below(1000) as f32 / 8.0),
            Kind::Double => Field::F64(self.below(100_000) as f64 / 7.0),
            Kind::Enum(of) => {
                let all: Vec<i32> = of.values().map(|value| value.number()).collect();
                Field::EnumNumber(all[usize::try_from(self.below(all.len() as u64)).unwrap()])
            }
            Kind::Message(of) => Field::Message(self.message(of, depth + 1)),
        }
    }
}

#[test]
fn the_quick_way_prints_what_the_general_one_prints() {
    let mut random = Random(11);
    let (mut quick, mut all) = (0, 0);
    for message in pool().all_messages().filter(|one| !one.is_map_entry()) {
        for _ in 0..40 {
            let bytes = random.message(&message, 0).encode_to_vec();
            let name = message.full_name();
            all += 1;
            if let Ok(printed) = PRINTER.print(name, &bytes) {
                quick += 1;
                assert_eq!(printed, by_reflection(name, &bytes).unwrap(), "{name}");
            }
        }
    }
    assert!(quick > all / 2, "{quick} of {all} messages went the quick way");
}

#[test]
fn what_the_quick_way_does_not_know_goes_the_general_one() {
    let mut random = Random(5);
    let listener = pool()
        .get_message_by_name("envoy.config.listener.v3.Listener")
        .unwrap();
    let whole = random.message(&listener, 0).encode_to_vec();
    for end in 0..whole.len() {
        // Broken bytes are an error in both, and never a panic.
        if let Ok(printed) = PRINTER.print(listener.full_name(), &whole[..end]) {
            assert_eq!(
                printed,
                by_reflection(listener.full_name(), &whole[..end]).unwrap()
            );
        }
    }
    let infinite = crate::envoy::r#type::v3::Percent { value: f64::INFINITY };
    assert_eq!(to_json(&infinite).unwrap()["value"], "Infinity");
}
