#![allow(clippy::unwrap_used)]

use super::{
    super::*,
    column::ColumnJson,
    java_map::JavaMap,
    literal::{KeyJson, RangeJson},
    types::TypeJson,
};

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn maps_come_in_the_order_of_java() {
    let tables = JavaMap::of_strings(texts(&["t", "p", "vw", "ag"]).into_iter().map(|name| (name, ())));
    assert_eq!(tables.keys().collect::<Vec<_>>(), ["p", "vw", "t", "ag"]);
    let tablets = [1_795_448_807_661_i64, 1_795_448_807_663, 1_795_448_807_653, 1_795_448_807_655, 1_795_448_807_669];
    let tablets = JavaMap::of_longs(tablets.into_iter().map(|id| (id, ())));
    assert_eq!(
        tablets.keys().collect::<Vec<_>>(),
        ["1795448807653", "1795448807669", "1795448807655", "1795448807661", "1795448807663"]
    );
    let read: JavaMap<i32> = serde_json::from_str(r#"{"b":1,"a":2,"b":3}"#).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"b":3,"a":2}"#);
}

#[test]
fn columns_are_written_as_the_fe_writes_them() {
    let default = ColumnDefault::Literal { text: "x".into(), value: Value::Text("x".into()) };
    let value = Column {
        unique_id: 1,
        default,
        real_default: Some("x".into()),
        ..Column::new("s", ColumnType::Varchar { length: 20 })
    };
    let json = serde_json::to_string(&ColumnJson::of(&value, KeysType::Unique { merge_on_write: true })).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"name":"s","type":{"clazz":"ScalarType","type":"VARCHAR","len":20,"precision":0,"scale":0},"#,
            r#""aggregationType":"NONE","isAggregationTypeImplicit":false,"isKey":false,"isAllowNull":true,"#,
            r#""isAutoInc":false,"autoIncInitValue":-1,"defaultValue":"x","realDefaultValue":"x","visible":true,"#,
            r#""uniqueId":1,"clusterKeyId":-1,"hasOnUpdateDefaultValue":false}"#,
        )
    );
    assert_eq!(serde_json::from_str::<ColumnJson>(&json).unwrap().column(), value);
    let added = Column { copied: true, unique_id: 0, ..Column::key("k", ColumnType::Int) };
    let json = serde_json::to_string(&ColumnJson::of(&added, KeysType::Duplicate)).unwrap();
    assert!(json.contains(r#""autoIncInitValue":0,"comment":"","visible":true"#), "{json}");
    let now = Column {
        default: ColumnDefault::Expression("CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)".into()),
        ..Column::new("at", ColumnType::DateTime { scale: 3 })
    };
    let json = serde_json::to_string(&ColumnJson::of(&now, KeysType::Aggregate)).unwrap();
    assert_eq!(serde_json::from_str::<ColumnJson>(&json).unwrap().column(), now, "{json}");
}

#[test]
fn types_survive_the_way_through_json() {
    for ty in [
        ColumnType::Boolean,
        ColumnType::LargeInt,
        ColumnType::Decimal { precision: 18, scale: 4 },
        ColumnType::Date,
        ColumnType::DateTime { scale: 3 },
        ColumnType::Char { length: 7 },
        ColumnType::String,
        ColumnType::Json,
        ColumnType::Other("hll".into()),
        ColumnType::Other("variant".into()),
        ColumnType::Other("array<map<int,text>>".into()),
        ColumnType::Other("struct<a:int,b:array<decimal(9,2)>>".into()),
    ] {
        let json = serde_json::to_string(&TypeJson::of(&ty)).unwrap();
        assert_eq!(serde_json::from_str::<TypeJson>(&json).unwrap().column_type(), ty, "{json}");
    }
}

#[test]
fn partition_keys_survive_the_way_through_json() {
    let types = [ColumnType::Int, ColumnType::Date, ColumnType::DateTime { scale: 0 }, ColumnType::LargeInt];
    let lower = [
        BoundValue::Value(Value::Int(-5)),
        BoundValue::Value(Value::Date("2026-11-23".into())),
        BoundValue::Value(Value::DateTime("2026-11-23 01:02:03".into())),
        BoundValue::Value(Value::Int(i128::MIN)),
    ];
    let upper = [BoundValue::MaxValue, BoundValue::MaxValue, BoundValue::MaxValue, BoundValue::MaxValue];
    let json = serde_json::to_string(&RangeJson::of(&lower, &upper, &types)).unwrap();
    let read: RangeJson = serde_json::from_str(&json).unwrap();
    assert_eq!(read.lower().bounds(&types), lower, "{json}");
    assert_eq!(read.upper().bounds(&types), upper);

    let types = [ColumnType::Varchar { length: 10 }];
    let json = serde_json::to_string(&KeyJson::of_tuple(&[Value::Text("it's".into())], &types)).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"[["VARCHAR",{"clazz":"StringLiteral","v":"it's","type":{"clazz":"ScalarType","type":"VARCHAR","len":10,"#,
            r#""precision":0,"scale":0},"opcode":"INVALID_OPCODE","children":[]}],"[false,\"unused\"]"]"#,
        )
    );
    assert_eq!(
        serde_json::to_string(&RangeJson::none()).unwrap(),
        r#"[{"type":"CLOSED","value":["[false,\"unused\"]"]},{"type":"CLOSED","value":["[false,\"unused\"]"]}]"#
    );
}
