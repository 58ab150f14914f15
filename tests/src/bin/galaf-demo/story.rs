//! The steps.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use galaf_tests::lab::Lab;
use galaf_tests::run::{Identity, Outcome};

use crate::interrupt;
use crate::narrator::{Expected, Narrator, print};
use crate::stage::Stage;

const FILE: &str = r#"{
    "config": { "dns": { "upstream": ["192.0.2.53"] } },
    "groups": {
        "browser": {
            "execv": ["/opt/demo/browser", "…"],
            "domains": ["books.test"],
            "rule": "tcp dport { 80, 443 }"
        },
        "mailer": {
            "execv": ["/opt/demo/mailer", "…"],
            "domains": ["imap.post.test"],
            "rule": "tcp dport 143"
        }
    }
}
"#;
/// What the last closing braces of the file become.
const ONE_MORE: &str = r#",
        "chat": {
            "execv": ["/opt/demo/chat", "…"],
            "domains": ["chat.club.test"],
            "rule": "tcp dport 5222"
        }
    }
}
"#;
const BRACES: &str = "\n    }\n}\n";

const SITE: &str = "http://www.books.test/";
/// The address of the same site, and of one that nobody is granted.
const SITE_ADDRESS: &str = "http://198.51.100.1/";
const TRACKER_ADDRESS: &str = "http://203.0.113.1/";
/// How long the download goes on after the reload.
const DOWNLOAD: Duration = Duration::from_millis(500);

/// Who types.
#[derive(Clone, Copy)]
enum Who {
    Alice,
    Root,
}

struct Story {
    narrator: Narrator,
    stage: Stage,
}

/// Tells it; failure if a step did not go as expected.
pub(crate) fn tell() -> Result<ExitCode> {
    print("A workstation and a small internet are built out of namespaces ...\n")?;
    let stage = Stage::build();
    interrupt::check()?;
    let mut story = Story { narrator: Narrator::new(), stage: stage? };
    story.tell()?;
    let Story { mut narrator, stage } = story;
    let cgroup: PathBuf = stage.lab.cgroup().to_owned();
    drop(stage);
    if cgroup.exists() {
        narrator.violation(&format!("'{}' could not be removed", cgroup.display()))?;
    }
    let went_well = narrator.finish()?;
    Ok(if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Story {
    fn lab(&self) -> &Lab {
        &self.stage.lab
    }

    fn tell(&mut self) -> Result<()> {
        self.apply()?;
        self.allowed()?;
        self.refused()?;
        self.forged()?;
        self.reload()?;
        self.looked_at()
    }

    fn apply(&mut self) -> Result<()> {
        self.narrator.headline("Root says in one file what each application may reach, and puts it into force")?;
        self.lab().write_config(FILE)?;
        self.run(Who::Root, "cat /etc/galaf/galaf.json", Expected::Success(&["books.test"]))?;
        self.run(Who::Root, "galaf-gen apply", Expected::Success(&["applied"]))?;
        self.lab().start_resolver()?;
        self.run(Who::Root, "galaf-ebpf status", Expected::Success(&[]))
    }

    fn allowed(&mut self) -> Result<()> {
        self.narrator.headline("Launched through galaf, each application reaches its own sites")?;
        self.run(Who::Alice, &format!("galaf browser {SITE}"), Expected::Success(&["200 OK", "a page"]))?;
        self.run(Who::Alice, "galaf mailer imap://imap.post.test", Expected::Success(&["IMAP4rev1 ready"]))
    }

    fn refused(&mut self) -> Result<()> {
        self.narrator.headline("Another site is refused at once, not after a timeout")?;
        self.refuse(&format!("galaf browser {TRACKER_ADDRESS}"), "connection refused")?;
        self.narrator.headline("A name that is not on the list is not even looked up")?;
        self.narrator.explain("Otherwise anything could leave the machine inside of names.")?;
        self.refuse("galaf browser http://www.tracker.test/", "the resolver refuses 'www.tracker.test': blocked")?;
        self.narrator.headline("Every application has its own list: what the browser reaches, the mailer does not")?;
        self.refuse(&format!("galaf mailer {SITE}"), "blocked")?;
        self.refuse(&format!("galaf mailer {SITE_ADDRESS}"), "connection refused")?;
        self.narrator.headline("The same program, started without galaf, reaches nothing")?;
        self.refuse(&format!("/opt/demo/browser {SITE_ADDRESS}"), "connection refused")?;
        self.refuse(&format!("/opt/demo/browser {SITE}"), "blocked")
    }

    fn forged(&mut self) -> Result<()> {
        let browser = self.lab().gid("browser")?;
        // The first of alice's subordinate gids, 100000 to 165535, whose lower half is the browser's gid.
        let forged = browser.0 + 2 * 0x1_0000;
        self.narrator.headline("A gid that only looks like the browser's is not taken for it")?;
        self.narrator.explain(&format!(
            "/etc/subgid lets alice use the gids 100000-165535. The lower 16 bits of {forged} are {browser}, the browser's gid."
        ))?;
        let (may_try, _) = self.outcome_of(Who::Alice, "unshare --user true")?;
        interrupt::check()?;
        if may_try.code != 0 {
            return self.narrator.leave_out("this machine lets no ordinary user take them, nor make a user namespace");
        }
        self.refuse(&format!("/opt/demo/take-gid {forged} /opt/demo/browser {SITE_ADDRESS}"), "connection refused")?;
        self.refuse(&format!("/opt/demo/take-gid {forged} /opt/demo/browser {SITE}"), "blocked")
    }

    fn reload(&mut self) -> Result<()> {
        self.narrator.headline("An application is added while a download runs")?;
        let line = format!("galaf browser --until-told {SITE}film");
        self.narrator.command("alice", &format!("{line} &"))?;
        let start = Instant::now();
        let download = self.lab().background(self.lab().alice(), &words(&line))?;
        let with_chat = FILE.strip_suffix(BRACES).context("the file does not end as expected")?.to_owned() + ONE_MORE;
        self.lab().write_config(&with_chat)?;
        self.run(Who::Root, "galaf-gen apply", Expected::Success(&["chat"]))?;
        self.run(Who::Alice, "galaf chat xmpp://chat.club.test", Expected::Success(&["welcome to the chat"]))?;
        std::thread::sleep(DOWNLOAD);
        self.narrator.command("alice", "fg")?;
        let outcome = download.stop()?;
        interrupt::check()?;
        self.narrator.outcome(&outcome, start.elapsed(), Expected::Success(&["without a break"]))
    }

    fn looked_at(&mut self) -> Result<()> {
        self.narrator.headline("What launching would do, in words")?;
        self.run(Who::Alice, &format!("galaf --explain browser {SITE}"), Expected::Success(&["/opt/demo/browser"]))?;
        self.narrator.headline("The rules say whose they are")?;
        self.run(Who::Root, "nft list chain inet galaf app_browser", Expected::Success(&["browser: IPv4 by name"]))?;
        self.narrator.headline("Who sent, received and was refused what")?;
        self.run(Who::Root, "galaf-stats", Expected::Success(&["browser", "mailer", "chat", "203.0.113.1"]))
    }

    fn refuse(&mut self, line: &str, words: &str) -> Result<()> {
        self.run(Who::Alice, line, Expected::Refusal(words))
    }

    fn run(&mut self, who: Who, line: &str, expected: Expected<'_>) -> Result<()> {
        let name = match who {
            Who::Alice => "alice",
            Who::Root => "root",
        };
        self.narrator.command(name, line)?;
        let (outcome, took) = self.outcome_of(who, line)?;
        interrupt::check()?;
        self.narrator.outcome(&outcome, took, expected)
    }

    fn outcome_of(&self, who: Who, line: &str) -> Result<(Outcome, Duration)> {
        let identity = match who {
            Who::Alice => self.lab().alice(),
            Who::Root => &Identity::ROOT,
        };
        let start = Instant::now();
        let outcome = self.lab().run(identity, &words(line))?;
        Ok((outcome, start.elapsed()))
    }
}

/// The lines have no quotes.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}
