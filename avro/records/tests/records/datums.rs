//! What writes itself writes what the schema's codec writes.

use cordon_records::{Datum as _, Element};
use proptest::prelude::*;
use serde_avro_fast::ser::SerializerConfig;

use crate::arbitrary;

proptest! {
    #[test]
    fn an_element_writes_what_its_codec_writes(element in arbitrary::element()) {
        let version = Element::own_version().unwrap();
        let mut own = b"before".to_vec();
        element.write(&mut own);
        let mut config = SerializerConfig::new(&version.schema);
        let coded = serde_avro_fast::to_datum(&element, b"before".to_vec(), &mut config).unwrap();
        prop_assert_eq!(own, coded);
    }
}
