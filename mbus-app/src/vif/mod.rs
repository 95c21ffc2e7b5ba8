//! Value information: what a record's number means and in which unit (EN 13757-3:2018, 6.4).
//!
//! ```text
//! VIF | VIFE x 0..10        bit 7 of each: another VIFE follows
//! FB  | true VIF | VIFE ..  first extension table      FD | true VIF ..     second extension table
//! FD FD | true VIF ..       third                      7C / FC              unit as text
//! ```
//!
//! Invariants: one row = one line of the standard's table, in one place: [`primary`], [`fb`], [`fd`],
//! [`fd_fd`], [`orthogonal`]. Parsers and builders use the same rows. A code that has no meaning yet is a
//! row like any other ([`Quantity::Reserved`]), never an error.

pub mod fb;
pub mod fd;
pub mod fd_fd;
pub mod orthogonal;
pub mod primary;

use core::fmt;

/// One line of a VIF table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Row {
    /// The code without its extension bit.
    pub code: u8,
    /// What is measured.
    pub quantity: Quantity,
    /// In which unit.
    pub unit: Unit,
    /// The number is to be multiplied by ten to this power.
    pub exponent: i8,
    /// How the data are coded, where not as the data field says.
    pub rule: Rule,
}

/// The row of a reserved code.
pub(crate) static RESERVED: Row = row(0, Quantity::Reserved, Unit::None, 0, Rule::Default);
/// The row of manufacturer specific data, which have no VIF (DIF 0Fh, 1Fh).
pub(crate) static MANUFACTURER: Row = row(0x7F, Quantity::ManufacturerSpecific, Unit::None, 0, Rule::Default);
/// The row of a global readout, which has no VIF (DIF 7Fh).
pub(crate) static ANY: Row = row(0x7E, Quantity::AnyVif, Unit::None, 0, Rule::Default);

const fn row(code: u8, quantity: Quantity, unit: Unit, exponent: i8, rule: Rule) -> Row {
    Row { code, quantity, unit, exponent, rule }
}

/// Checks at compile time that row n is the row of code n.
const fn numbered<const N: usize>(rows: [Row; N]) -> [Row; N] {
    let mut rest: &[Row] = &rows;
    let mut code = 0u8;
    while let [first, others @ ..] = rest {
        assert!(first.code == code, "a row is out of place");
        code = code.wrapping_add(1);
        rest = others;
    }
    rows
}

/// How data are coded when the VIF says more than the data field (EN 13757-3:2018, table 10 to 14 and Annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// As the data field says: integers type B, BCD type A, real type H, LVAR by its code.
    Default,
    /// Integers are unsigned (type C).
    Unsigned,
    /// Integers are signed (type B), also where a qualifier says otherwise.
    Signed,
    /// Integers are bit arrays (type D).
    Bits,
    /// An identifier: unsigned, BCD digits with their leading zeros, or text.
    Identifier,
    /// A bus address: one octet, or six or eight of a whole address.
    Address,
    /// A date: type G.
    Date,
    /// Type J (3 octets), F (4), I (6) or M (LVAR).
    DateTime,
    /// Type G (2 octets), J (3), F (4), I (6) or M (LVAR).
    AnyDate,
    /// Daylight saving, type K: its layout is not published, four octets.
    TypeK,
    /// Listening window, type L: its layout is not published, eleven octets behind LVAR EBh.
    TypeL,
    /// Octets in natural order, not text.
    Container,
    /// The manufacturer's: as the data field says, but more than eight octets behind an LVAR are octets.
    Manufacturer,
    /// Unsigned, times two to the power of -12 (the exponent of the row is that of the exact decimal).
    Hca,
}

macro_rules! quantities {
    ($($name:ident $text:literal,)*) => {
        /// What a record measures: the words of the standard's tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Quantity {
            $(#[doc = concat!("In words: ", $text, ".")] $name,)*
        }

        impl Quantity {
            /// All quantities.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The words of the standard's table, lower case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

quantities! {
    Energy "energy",
    Volume "volume",
    Mass "mass",
    OnTime "on time",
    OperatingTime "operating time",
    Power "power",
    VolumeFlow "volume flow",
    MassFlow "mass flow",
    FlowTemperature "flow temperature",
    ReturnTemperature "return temperature",
    TemperatureDifference "temperature difference",
    ExternalTemperature "external temperature",
    Pressure "pressure",
    Date "date",
    DateAndTime "date and time",
    HeatCostAllocatorUnits "heat cost allocator units",
    Reserved "reserved",
    AveragingDuration "averaging duration",
    ActualityDuration "actuality duration",
    FabricationNumber "fabrication number",
    EnhancedIdentification "enhanced identification",
    Address "address",
    Extension1Pointer "extension 1 pointer",
    PlainTextUnit "plain text unit",
    Extension2Pointer "extension 2 pointer",
    AnyVif "any vif",
    ManufacturerSpecific "manufacturer specific",
    ReactiveEnergy "reactive energy",
    ApparentEnergy "apparent energy",
    CoefficientOfPerformance "coefficient of performance",
    ReactivePower "reactive power",
    RelativeHumidity "relative humidity",
    PhaseAngleVoltageToVoltage "phase angle voltage to voltage",
    PhaseAngleVoltageToCurrent "phase angle voltage to current",
    Frequency "frequency",
    ApparentPower "apparent power",
    HcaResultingRatingFactorK "hca resulting rating factor k",
    HcaThermalOutputRatingFactorKq "hca thermal output rating factor kq",
    HcaThermalCouplingFactorOverallKc "hca thermal coupling factor overall kc",
    HcaThermalCouplingFactorRoomSideKcr "hca thermal coupling factor room side kcr",
    HcaThermalCouplingFactorHeaterSideKch "hca thermal coupling factor heater side kch",
    HcaLowTemperatureRatingFactorKt "hca low temperature rating factor kt",
    HcaDisplayOutputScalingFactorKd "hca display output scaling factor kd",
    ColdWarmTemperatureLimit "cold warm temperature limit",
    CumulativeMaximumActivePower "cumulative maximum active power",
    Credit "credit",
    Debit "debit",
    UniqueMessageIdentification "unique message identification",
    DeviceType "device type",
    Manufacturer "manufacturer",
    ParameterSetIdentification "parameter set identification",
    ModelVersion "model version",
    HardwareVersionNumber "hardware version number",
    MetrologyFirmwareVersion "metrology firmware version",
    OtherSoftwareVersion "other software version",
    CustomerLocation "customer location",
    Customer "customer",
    AccessCodeUser "access code user",
    AccessCodeOperator "access code operator",
    AccessCodeSystemOperator "access code system operator",
    AccessCodeSystemDeveloper "access code system developer",
    Password "password",
    ErrorFlags "error flags",
    ErrorMask "error mask",
    SecurityKey "security key",
    DigitalOutput "digital output",
    DigitalInput "digital input",
    BaudRate "baud rate",
    ResponseDelayTime "response delay time",
    Retry "retry",
    RemoteControl "remote control",
    FirstStorageNumberCyclic "first storage number cyclic",
    LastStorageNumberCyclic "last storage number cyclic",
    SizeOfStorageBlock "size of storage block",
    DescriptorTariffAndSubunit "descriptor tariff and subunit",
    StorageInterval "storage interval",
    OperatorSpecificData "operator specific data",
    TimePointSecond "time point second",
    DurationSinceLastReadout "duration since last readout",
    StartDateTimeOfTariff "start date time of tariff",
    DurationOfTariff "duration of tariff",
    PeriodOfTariff "period of tariff",
    Dimensionless "dimensionless",
    ContainerWirelessMbus "container wireless mbus",
    PeriodOfNominalDataTransmissions "period of nominal data transmissions",
    Voltage "voltage",
    Current "current",
    ResetCounter "reset counter",
    CumulationCounter "cumulation counter",
    ControlSignal "control signal",
    DayOfWeek "day of week",
    WeekNumber "week number",
    TimePointOfDayChange "time point of day change",
    StateOfParameterActivation "state of parameter activation",
    SpecialSupplierInformation "special supplier information",
    DurationSinceLastCumulation "duration since last cumulation",
    OperatingTimeBattery "operating time battery",
    DateTimeOfBatteryChange "date time of battery change",
    RadioFrequencyLevel "radio frequency level",
    DaylightSavingBeginEndDeviation "daylight saving begin end deviation",
    ListeningWindowManagement "listening window management",
    RemainingBatteryLifetime "remaining battery lifetime",
    NumberOfTimesMeterWasStopped "number of times meter was stopped",
    ContainerManufacturerProtocol "container manufacturer protocol",
    ExtensionPointer "extension pointer",
    CurrentlySelectedApplication "currently selected application",
    MoistureLevel "moisture level",
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! units {
    ($($name:ident $ucum:literal $doc:literal,)*) => {
        /// The unit of a value, unprefixed: the value is an exact decimal and needs no prefix.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Unit {
            /// No unit.
            #[default]
            None,
            $(#[doc = $doc] $name,)*
        }

        impl Unit {
            /// All units.
            pub const ALL: &'static [Self] = &[Self::None $(, Self::$name)*];

            /// The unit in UCUM, case sensitive; empty where there is none.
            #[must_use]
            pub const fn ucum(self) -> &'static str {
                match self {
                    Self::None => "",
                    $(Self::$name => $ucum,)*
                }
            }
        }
    };
}

units! {
    WattHour "W.h" "Energy.",
    Joule "J" "Energy.",
    Calorie "cal" "Energy.",
    BritishThermalUnit "[Btu_th]" "Energy, non-metric.",
    VoltAmpereHour "V.A.h" "Apparent energy.",
    VoltAmpereHourReactive "V.A.h{reactive}" "Reactive energy; UCUM has no var.",
    CubicMetre "m3" "Volume.",
    CubicFoot "[cft_i]" "Volume.",
    UsGallon "[gal_us]" "Volume.",
    Kilogram "kg" "Mass.",
    Second "s" "Time.",
    Minute "min" "Time.",
    Hour "h" "Time.",
    Day "d" "Time.",
    Month "mo" "Time.",
    Year "a" "Time.",
    Watt "W" "Power.",
    JoulePerHour "J/h" "Power.",
    BritishThermalUnitPerSecond "[Btu_th]/s" "Power, non-metric.",
    VoltAmpere "V.A" "Apparent power.",
    VoltAmpereReactive "V.A{reactive}" "Reactive power; UCUM has no var.",
    CubicMetrePerHour "m3/h" "Volume flow.",
    CubicMetrePerMinute "m3/min" "Volume flow.",
    CubicMetrePerSecond "m3/s" "Volume flow.",
    UsGallonPerMinute "[gal_us]/min" "Volume flow.",
    UsGallonPerHour "[gal_us]/h" "Volume flow.",
    KilogramPerHour "kg/h" "Mass flow.",
    Celsius "Cel" "Temperature.",
    Kelvin "K" "Temperature difference.",
    Fahrenheit "[degF]" "Temperature.",
    Bar "bar" "Pressure.",
    HcaUnit "{HCA}" "Counts of a heat cost allocator.",
    Percent "%" "Share.",
    Degree "deg" "Angle.",
    Hertz "Hz" "Frequency.",
    Volt "V" "Voltage.",
    Ampere "A" "Current.",
    DecibelMilliwatt "dB[mW]" "Radio level.",
    Currency "{currency}" "Local currency.",
    Baud "Bd" "Symbol rate.",
    BitTime "{bittime}" "Bit times.",
}

/// The unit in UCUM.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.ucum())
    }
}

/// The non-metric partner of a unit (VIFE 3Dh, EN 13757-3:2018, Annex C, table C.1), and what is to be added
/// to the exponent. `None` where the table has no partner.
#[must_use]
pub const fn non_metric(quantity: Quantity, unit: Unit) -> Option<(Unit, i8)> {
    match (quantity, unit) {
        // 10^(nnn-3) Wh becomes 10^(nnn-3) kBTU, 10^(nnn-3) W becomes 10^(nnn-3) mBTU/s.
        (Quantity::Energy, Unit::WattHour) => Some((Unit::BritishThermalUnit, 3)),
        (Quantity::Power, Unit::Watt) => Some((Unit::BritishThermalUnitPerSecond, -3)),
        // 10^(nnn-6) m3 becomes 10^(nnn-3) US gallons, 10^(nnn-7) m3/min becomes 10^(nnn-4) US gallons/min.
        (Quantity::Volume, Unit::CubicMetre) => Some((Unit::UsGallon, 3)),
        (Quantity::VolumeFlow, Unit::CubicMetrePerMinute) => Some((Unit::UsGallonPerMinute, 3)),
        (
            Quantity::FlowTemperature
            | Quantity::ReturnTemperature
            | Quantity::ExternalTemperature
            | Quantity::TemperatureDifference
            | Quantity::ColdWarmTemperatureLimit,
            Unit::Celsius | Unit::Kelvin,
        ) => Some((Unit::Fahrenheit, 0)),
        _ => None,
    }
}
