//! How it went, in tables.

use super::House;
use super::attacker::Attack;
use super::station::Order;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// The tables, and whether everything that has to hold held: no attack on what has a counter passed, every managed meter
/// was heard, and no command was done that nobody gave.
pub(super) fn of(house: &House) -> (String, bool) {
    let traffic = house.air.traffic();
    let text = format!(
        "{}\n\n{}\n\n{}\n\n{} frames, {} receptions lost, {} collided, {} frames with data to meters\n",
        house.collector.accounts().table(),
        orders(house),
        attacks(house),
        traffic.frames,
        traffic.lost,
        traffic.collided,
        house.station.sent,
    );
    (text, holds(house))
}

/// The profile of meters that are not ours.
pub(super) const NEIGHBOUR: &str = "neighbour";

fn holds(house: &House) -> bool {
    // Profile A has no counter: an old telegram is believed once nobody remembers it, but marked for its time.
    let attacks = house.attacks.iter().all(|((attack, profile), tally)| {
        let may_be_marked = *attack == Attack::OldTelegram && profile == "A";
        profile == NEIGHBOUR || (tally.passed == 0 && (tally.marked == 0 || may_be_marked))
    });
    let accounts = house.collector.accounts();
    let heard = house.station.meters().iter().all(|managed| {
        let name = format!("{}.{}", managed.address.manufacturer, managed.address.identification);
        accounts.of(&name).is_some_and(|account| account.telegrams() > 0)
    });
    attacks && heard
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn orders(house: &House) -> String {
    let mut table = plain();
    table.set_header([
        "meter",
        "reached",
        "confirmed",
        "read",
        "clock",
        "off by",
        "close",
        "valve or breaker",
    ]);
    for (n, meter) in house.meters.iter().enumerate() {
        let managed = house.station.meters().iter().find(|managed| managed.address == meter.make.address);
        let outcome = |order| {
            let of = |(done, outcome): &(Order, String)| (*done == order).then(|| outcome.clone());
            managed.and_then(|managed| managed.outcomes.iter().find_map(of)).unwrap_or_default()
        };
        let address = meter.make.address;
        table.add_row([
            format!("{}.{}", address.manufacturer, address.identification),
            if n % 4 == 3 { "by repeater" } else { "directly" }.to_owned(),
            if meter.confirmed { "yes" } else { "no" }.to_owned(),
            outcome(Order::Read),
            outcome(Order::Clock),
            format!("{} s", meter.make.clock_error),
            outcome(Order::Close),
            meter.switch.map(|state| state.to_string()).unwrap_or_default(),
        ]);
    }
    if let Some(column) = table.column_mut(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn attacks(house: &House) -> String {
    let mut table = plain();
    table.set_header(["attack", "profile", "tried", "passed", "marked", "carried"]);
    for (attack, name) in Attack::TABLE {
        for ((_, profile), tally) in house.attacks.iter().filter(|((of, _), _)| *of == attack) {
            table.add_row([
                name.to_owned(),
                profile.clone(),
                tally.tried.to_string(),
                tally.passed.to_string(),
                tally.marked.to_string(),
                tally.carried.to_string(),
            ]);
        }
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
