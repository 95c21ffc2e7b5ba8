#!/usr/bin/env python3
"""pyMeterBus as the master of our `meter`, over TCP and a pseudo-terminal: what it prints against what was sent.

Usage: interop.py PYTHON METER DECODE MASTER   (PYTHON has pyMeterBus; the others are our examples, built)

Only the loopback interface is used. Every wait has an end.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal

PYTHON, METER, DECODE, MASTER = sys.argv[1:5]
TOOLS = os.path.join(os.path.dirname(PYTHON), "mbus-serial-")
CLOCK = ["--clock", "2026-03-31T12:34"]
# A first digit shared by two meters makes the search of pyMeterBus go down a level.
METERS = ["water:12345678@1", "heat:17654321@2", "electricity:20000042@3", "gas:30000007@4", "hca:41414141@5"]
SECONDARY = {
    1: "1234567893150107",
    2: "1765432193150104",
    3: "2000004293150102",
    4: "3000000793150103",
    5: "4141414193150108",
}
# pyMeterBus' unit -> ours and the factor to it.
UNITS = {
    "m^3": ("m3", 1),
    "m^3/h": ("m3/h", 1),
    "C": ("Cel", 1),
    "K": ("K", 1),
    "Wh": ("W.h", 1),
    "W": ("W", 1),
    "V": ("V", 1),
    "A": ("A", 1),
    "bar": ("bar", 1),
    "H.C.A": ("{HCA}", 1),
    "seconds": {"d": 86400, "h": 3600},
    "date": ("", 1),
    "date time": ("", 1),
    "none": ("", 1),
}


def run(command, seconds):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        sys.exit(f"{command} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


class Meter:
    """A running `meter`; `name` is what a master opens."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([METER, "wired", *arguments], stdout=subprocess.PIPE, text=True)
        self.name = self.process.stdout.readline().strip()
        if not self.name.startswith("/"):
            self.name = "socket://" + self.name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Ctrl-C ends it cleanly.
        self.process.send_signal(2)
        status = self.process.wait(timeout=10)
        if status:
            sys.exit(f"meter ended with {status} on Ctrl-C")


def sent():
    """What the meters send, one list of telegrams per primary address, decoded by our own `decode`."""
    telegrams = {}
    for line in run([METER, "wired", "--show", *CLOCK, *METERS], 30).splitlines():
        telegram = json.loads(run([DECODE, "--format", "jsonl", line], 30))
        telegrams.setdefault(telegram["frame"]["address"], []).append(telegram)
    return telegrams


def same(record, theirs):
    """True when the record that they print is the one that we sent."""
    value, unit = theirs["value"], theirs["unit"]
    ours = UNITS[unit]
    factor = ours.get(record["unit"]) if isinstance(ours, dict) else (ours[1] if ours[0] == record["unit"] else None)
    if factor is None:
        return False
    if record["type"] != "number":
        return value == record["value"]
    # They compute with floats, whose first fifteen digits are exact.
    rounded = Decimal(f"{Decimal(str(value)):.15g}")
    return rounded == Decimal(record["value"]) * factor


def compare(where, telegrams, printed):
    theirs = json.loads(printed, parse_float=Decimal)
    meter = telegrams[0]["meter"]
    told = (theirs["manufacturer"], theirs["identification"], theirs["medium"])
    expected = (meter["manufacturer"], meter["id"], meter["device_type"])
    if told != expected:
        sys.exit(f"{where}: {told} instead of {expected}")
    # DIF 1F is a record without value in both.
    records = [r for telegram in telegrams for r in telegram["records"] if r["dib"] != "1F"]
    found = [r for r in theirs["records"] if r["unit"] is not None]
    if len(found) != len(records):
        sys.exit(f"{where}: {len(found)} records instead of {len(records)}")
    for n, (ours, theirs) in enumerate(zip(records, found)):
        if not same(ours, theirs):
            sys.exit(f"{where}, record {n}: {theirs} instead of {ours['quantity']} {ours['value']} {ours['unit']}")
    print(f"{where}: {len(records)} records, all as sent")
    compared.append(len(records))


def tool(name, address, device, baud):
    return run([TOOLS + name, "-b", str(baud), "-r", "0", "-o", "json", "-a", str(address), device], 60)


def over_tcp():
    with Meter(*CLOCK, "--baud", "9600", "--tcp", "127.0.0.1:0", *METERS) as meter:
        for address, pages in telegrams.items():
            secondary = SECONDARY[address]
            printed = tool("req-single", address, meter.name, 9600)
            compare(f"TCP, primary {address}", pages[:1], printed)
            printed = tool("req-multi", secondary, meter.name, 9600)
            compare(f"TCP, all telegrams of {secondary}", pages, printed)
            # This tool reads only when somebody answers a reset at 253: the meter that was selected just now.
            printed = tool("req-single", secondary, meter.name, 9600)
            compare(f"TCP, secondary {secondary}", pages[:1], printed)


def over_terminal():
    for address, pages in telegrams.items():
        # Pseudo-terminals have no parity, and the C library refuses to set it when such a port is opened again: each
        # tool gets a new one.
        for name, wanted in (("req-single", address), ("req-multi", SECONDARY[address])):
            with Meter(*CLOCK, *METERS) as meter:
                printed = tool(name, wanted, meter.name, 2400)
            compare(f"terminal, {name} {wanted}", pages if name == "req-multi" else pages[:1], printed)


def scan_primary():
    # The tool tries 251 addresses and has no option for fewer: the constant is lowered, the tool is left as it is.
    code = "import meterbus; meterbus.MAX_PRIMARY_SLAVES = 9; import meterbus.tools as t; t.serial_scan_primary()"
    with Meter(*CLOCK, "--tcp", "127.0.0.1:0", "water@2", "heat@5", "gas@9") as meter:
        printed = run([PYTHON, "-c", code, "-r", "0", meter.name], 120).splitlines()
    expected = [f"Found a M-Bus device at address {address}" for address in (2, 5, 9)]
    if printed != expected:
        sys.exit(f"primary scan: {printed}")
    print("primary scan: 3 of 3 meters, no other")


def scan_secondary():
    with Meter(*CLOCK, "--tcp", "127.0.0.1:0", *METERS[:3]) as meter:
        printed = run([TOOLS + "scan-secondary", meter.name], 180).splitlines()
    expected = [
        "Device found with id 1234567893150107 (ELS), using mask 12FFFFFFFFFFFFFF",
        "Device found with id 1765432193150104 (ELS), using mask 17FFFFFFFFFFFFFF",
        "Device found with id 2000004293150102 (ELS), using mask 2FFFFFFFFFFFFFFF",
    ]
    if printed != expected:
        sys.exit("secondary scan:\n" + "\n".join(printed))
    print("secondary scan: 3 of 3 meters, one collision resolved")


def stopped(process, phase, expected):
    """Ctrl-C ends `process` within two seconds; output and status are those expected."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    took = time.monotonic() - began
    if (process.returncode, out, err) != expected or took > 2:
        sys.exit(f"Ctrl-C, {phase}: {process.returncode} {out!r} {err!r} after {took:.1f} s")


def started(*command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_master():
    """Ctrl-C ends our own master in the middle of each order that nobody answers, and while it waits for a converter."""
    orders = [["search"], ["scan"], ["read", "1"], ["read", "12345678"], ["set-address", "1", "7"]]
    for order in orders:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(60)
            with started(MASTER, f"127.0.0.1:{listener.getsockname()[1]}", *order) as master:
                silent, _ = listener.accept()
                with silent:
                    # Its first request is here, so it is under way.
                    silent.settimeout(60)
                    silent.recv(1)
                    stopped(master, " ".join(order), (1, "", "master: stopped\n"))
    # A converter that is full: nobody accepts, and the queue of the listener has no place left.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        callers = [socket.socket() for _ in range(8)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        with started(MASTER, f"127.0.0.1:{full.getsockname()[1]}", "search") as master:
            time.sleep(1)
            if master.poll() is not None:
                sys.exit(f"master does not wait for a full converter: {master.communicate()}")
            stopped(master, "connecting", (1, "", "master: stopped\n"))
        for caller in callers:
            caller.close()
    print(f"master: Ctrl-C ends {len(orders)} orders and the wait for a converter")


def stop_meter():
    """Ctrl-C ends our meter while it waits for a master, while one is connected, and on a pseudo-terminal."""
    for phase, arguments in [("waiting", ["--tcp", "127.0.0.1:0"]), ("connected", ["--tcp", "127.0.0.1:0"]), ("terminal", [])]:
        with started(METER, "wired", *CLOCK, *arguments, "water") as meter:
            name = meter.stdout.readline().strip()
            if phase == "connected":
                host, port = name.rsplit(":", 1)
                with socket.create_connection((host, int(port)), timeout=60) as master:
                    master.settimeout(60)
                    # SND-NKE to 1, and E5: it is being served.
                    master.sendall(bytes.fromhex("1040014116"))
                    if master.recv(1) != b"\xe5":
                        sys.exit("the meter does not acknowledge")
                    stopped(meter, phase, (0, "", ""))
            else:
                stopped(meter, phase, (0, "", ""))
    print("meter: Ctrl-C ends it in each of 3 states")


def together(*jobs):
    """Runs the jobs side by side: they wait for silence most of the time."""
    failures = []

    def guarded(job):
        try:
            job()
        except SystemExit as problem:
            failures.append(str(problem))
        except Exception as problem:  # told below, whatever it is
            failures.append(f"{job.__name__}: {problem!r}")

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit("\n".join(failures))


began = time.monotonic()
telegrams, compared = sent(), []
together(over_tcp, over_terminal, scan_primary, scan_secondary, stop_master, stop_meter)
print(f"pyMeterBus: {sum(compared)} records of {len(compared)} readouts as sent ({time.monotonic() - began:.0f} s)")
