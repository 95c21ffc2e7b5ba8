//! From a code to the records that have it, for builders.
//!
//! Invariants: every template, filled with any VIB of its pattern, maps back to the code it was asked for
//! (tested for every row). The first template is the first of the annex. A code without record gives
//! none.

use mbus_app::record::Function;
use mbus_app::record::builder::Register;

use crate::table::{Row, tables};
use crate::tag::{StorageNumbers, Tag};
use crate::vib_type::VibPattern;
use crate::{Context, Medium, ObisCode, RecordKey};

/// A record that has the code: its numbers, and the octets its VIB may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Template {
    /// The VIBs that say the quantity, one for each power of ten.
    pub vib: VibPattern,
    /// The function field.
    pub function: Function,
    /// The storage number.
    pub storage: u64,
    /// The tariff.
    pub tariff: u32,
    /// The subunit.
    pub subunit: u16,
    /// True when the DIB ends with a DIFE of 00.
    pub register: bool,
    /// The tag of the annex, `None` outside it.
    pub tag: Option<&'static Tag>,
    /// The row.
    pub row: &'static Row,
}

impl Template {
    /// The register, for a record builder.
    ///
    /// ```
    /// use mbus_app::decimal::Decimal;
    /// use mbus_app::record::Records;
    /// use mbus_app::record::builder::{Content, NewDib, NewVib, RecordBuilder};
    /// use mbus_app::value::Value;
    /// use mbus_link::DeviceType;
    /// use obis_map::Context;
    /// let (water, code) = (Context::of(DeviceType::WATER), "8-0:1.2.0*255".parse().unwrap());
    /// let template = water.records(code).next().unwrap();
    /// let vib = template.vib.nth(4).unwrap();
    /// let record = RecordBuilder {
    ///     dib: NewDib::Register(template.register(), None),
    ///     vib: NewVib::Octets(&vib),
    ///     content: Content::Value(Value::Number(Decimal::new(2_850_427, -2))),
    ///     ..RecordBuilder::default()
    /// };
    /// let mut buffer = [0; 16];
    /// let octets = record.encode_into(&mut buffer)?;
    /// let record = Records::new(octets).next().unwrap()?;
    /// assert_eq!(water.lookup((&record).into()).unwrap().code, code);
    /// assert_eq!(record.value(), Value::Number(Decimal::new(2_850_427, -2)));
    /// # Ok::<(), mbus_app::Error>(())
    /// ```
    #[must_use]
    pub const fn register(&self) -> Register {
        Register {
            function: self.function,
            storage: self.storage,
            tariff: self.tariff,
            subunit: self.subunit,
            is_register: self.register,
        }
    }
    /// The key of the record with this VIB.
    #[must_use]
    pub const fn key<'a>(&self, vib: &'a [u8]) -> RecordKey<'a> {
        RecordKey {
            vib,
            function: self.function,
            storage: self.storage,
            tariff: self.tariff,
            subunit: self.subunit,
            register: self.register,
        }
    }
}

impl Context {
    /// The records of this device that have the code, the first choice first.
    ///
    /// ```
    /// use mbus_link::DeviceType;
    /// use obis_map::Context;
    /// let water = Context::of(DeviceType::WATER);
    /// let due = water.records("8-0:1.2.0*255".parse().unwrap()).next().unwrap();
    /// assert_eq!((due.storage, due.tag.unwrap().name), (1, "VM1!D"));
    /// assert_eq!(due.vib.nth(3).as_deref(), Some(&[0x13][..]));
    /// ```
    pub fn records(&self, code: ObisCode) -> impl Iterator<Item = Template> {
        let context = *self;
        let medium = self.medium().unwrap_or(Medium::ABSTRACT);
        tables(medium, self.device_type)
            .into_iter()
            .flatten()
            .filter(move |row| row.code.matches(code) && context.holds(row))
            .flat_map(move |row| tagged(row, code).chain(untagged(row, code)))
            // An annex row may answer what a row outside the annex could.
            .filter(move |template| {
                template.vib.nth(0).is_some_and(|vib| {
                    context
                        .lookup(template.key(&vib))
                        .is_ok_and(|mapping| mapping.code == code || mapping.also == Some(code))
                })
            })
    }
}

fn tagged(row: &'static Row, code: ObisCode) -> impl Iterator<Item = Template> {
    row.tags.iter().chain(row.also).flat_map(move |tag| {
        let (first, last) = tag.tariff;
        let tariff = if row.code.has_tariff() { code.e() } else { first };
        let storage = if row.code.has_storage() { code.f() } else { tag.storage.first() };
        let fits = (first..=last).contains(&tariff) && tag.storage.contains(storage.into());
        let lines: &[_] = if fits { tag.vib_types } else { &[] };
        lines.iter().map(move |line| Template {
            vib: line.pattern,
            function: tag.function,
            storage: storage.into(),
            tariff: tariff.into(),
            subunit: code.b().into(),
            register: tag.register,
            tag: Some(tag),
            row,
        })
    })
}

fn untagged(row: &'static Row, code: ObisCode) -> impl Iterator<Item = Template> {
    row.pattern.into_iter().flat_map(move |pattern| {
        let tariff = if row.code.has_tariff() { code.e().into() } else { 0 };
        let storage = match pattern.storage {
            StorageNumbers::Range(first, _) => first.into(),
            StorageNumbers::Past => 0,
        };
        pattern.vibs.iter().map(move |vib| Template {
            vib: *vib,
            function: pattern.function,
            storage,
            tariff,
            subunit: code.b().into(),
            register: false,
            tag: None,
            row,
        })
    })
}
