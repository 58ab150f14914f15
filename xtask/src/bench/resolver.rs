//! What galaf's resolver configuration costs a question for a name.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Result;

use super::firewall::{FIRST_GID, Grant, RENDERED, UPSTREAM, host, load_rendered, prepare, render};
use super::label::Label;
use super::place::{Binaries, Held, INSTALLED, Ids, Place, USER};
use super::report::{Report, Row};
use super::site::connect_to_peer;
use super::statistics::Series;

/// How many applications there are, with how many names each.
const SIZES: [(u32, u32); 3] = [(20, 10), (20, 250), (1000, 5)];
/// Questions a round.
const QUESTIONS: u32 = 100;
const PORT: u16 = 53;
/// What is asked where the resolver knows no application's name.
const PLAIN_NAME: &str = "site.example";

/// A workstation whose programs ask.
struct Asker {
    place: Place,
    /// As in [`SIZES`].
    names: Option<(u32, u32)>,
    _resolver: Held,
}

/// A resolver alone beside galaf's, for answers that it has and for answers that it gets.
pub(super) fn run(binaries: &Binaries, rounds: u32, report: &mut Report) -> Result<()> {
    let peer = Place::new(binaries)?;
    peer.script(&format!("ip addr add {UPSTREAM}/32 dev lo"))?;
    let _upstream = peer.answer_names(SocketAddrV4::new(UPSTREAM, PORT))?;
    let label = Label::new(&peer)?;
    let mut askers = Vec::new();
    for (names, number) in [None].into_iter().chain(SIZES.map(Some)).zip(1_u8..) {
        askers.push(asker(binaries, &peer, number, names)?);
    }
    for (title, cached) in
        [("Question for a name, answered from the cache", true), ("Question for a name, asked upstream", false)]
    {
        eprintln!("bench: {title}");
        let row = |asker: &Asker| Row {
            name: asker.names.map_or_else(
                || "dnsmasq alone".to_owned(),
                |(applications, each)| format!("galaf's dnsmasq, {} names", applications * each),
            ),
            applications: asker.names.map(|(applications, _)| applications),
            series: Series::default(),
        };
        let mut rows: Vec<Row> = askers.iter().map(row).collect();
        for round in 0..=rounds {
            for (asker, row) in askers.iter().zip(&mut rows) {
                let samples = ask(asker, &label, cached, round)?;
                if round > 0 {
                    row.series.push(samples);
                }
            }
        }
        report.compare(title, &rows)?;
    }
    Ok(())
}

/// With dnsmasq as galaf configures it and the firewall that it fills, or as it is by itself.
fn asker(binaries: &Binaries, peer: &Place, number: u8, names: Option<(u32, u32)>) -> Result<Asker> {
    let place = Place::new(binaries)?;
    let gateway = connect_to_peer(&place, peer, number)?;
    place.script(&format!("ip route add {UPSTREAM} via {gateway}"))?;
    let conf = match names {
        Some((applications, each)) => {
            prepare(&place, applications, Grant::Names(each))?;
            render(&place)?;
            load_rendered(&place)?;
            format!("{RENDERED}/{}", galaf::paths::DNSMASQ_CONF)
        }
        None => {
            let conf = format!("{INSTALLED}/dnsmasq.conf");
            let listen = Ipv4Addr::LOCALHOST;
            place.write(
                &conf,
                &format!(
                    "port={PORT}\nlisten-address={listen}\nbind-interfaces\nuser=dnsmasq\nmax-cache-ttl=3600\nno-resolv\nserver={UPSTREAM}\n"
                ),
            )?;
            conf
        }
    };
    // No word of the pid file: dnsmasq's own folder for it is the machine's.
    let resolver = place.hold(&format!("dnsmasq --keep-in-foreground --conf-file={conf} --pid-file="))?;
    Ok(Asker { place, names, _resolver: resolver })
}

/// As the last application.
fn ask(asker: &Asker, label: &Label, cached: bool, round: u32) -> Result<Vec<std::time::Duration>> {
    let (gid, name) = match asker.names {
        Some((applications, each)) => {
            let gid = FIRST_GID + applications - 1;
            (gid, host(each - 1, gid))
        }
        None => (USER.gid, PLAIN_NAME.to_owned()),
    };
    let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT).to_string();
    let (questions, round) = (QUESTIONS.to_string(), round.to_string());
    let mut task = vec!["ask", &server, &name, &questions];
    // Names that nobody asked for yet.
    if !cached {
        task.extend(["--new", &round]);
    }
    asker.place.measure(Some(&label.cgroup), Ids { gid, ..USER }, &task)
}
