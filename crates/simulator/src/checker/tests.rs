//! A table of tiny logs. Each tells of a center of two nodes and one thing that must not happen there; the checker must
//! find that and nothing else.

use super::check;
use crate::plan_log::read;

/// Node 1: eight cards of model 1 in two rings, which may be given out in parts. Node 2: four of model 2, whole.
/// Organization 1 may hold ten cards, organization 2 any number.
const CENTER: &str = r#"
{"at_us":0,"record":"node_added","node":1,"pool":1,"model":1,"cards":8,"ring":4,"fractions":true,"cpu_millis":8000,"memory_bytes":64}
{"at_us":0,"record":"node_added","node":2,"pool":1,"model":2,"cards":4,"cpu_millis":8000,"memory_bytes":64}
{"at_us":0,"record":"organization_set","organization":1,"limit_millis":10000}
{"at_us":0,"record":"organization_set","organization":2}
"#;

/// A line of few words for each kind of record; everything else as in `CENTER`.
///
/// `job 1 of 1: 2x4000` asks for two nodes with four cards each; `place 1.1: 1:0,1 2:3*500` gives cards 0 and 1 of node 1
/// and half of card 3 of node 2. A line that begins with a number and a colon says when.
fn expand(short: &str) -> String {
    let mut at_us = 1;
    let mut log = CENTER.to_owned();
    for line in short.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = match line.split_once("s ") {
            Some((seconds, rest)) if seconds.bytes().all(|byte| byte.is_ascii_digit()) => {
                at_us = seconds.parse::<i64>().unwrap() * 1_000_000;
                rest
            }
            _ => line,
        };
        log += &format!("{{\"at_us\":{at_us},{}}}\n", record(line));
    }
    log
}

fn record(line: &str) -> String {
    let (words, rest) = line.split_once(": ").unwrap_or((line, ""));
    let words: Vec<&str> = words.split(' ').collect();
    match words[..] {
        ["job", job, "of", organization] => {
            let mut words = rest.split(' ').filter(|word| !word.is_empty());
            let (nodes, cards) = words.next().unwrap().split_once('x').unwrap();
            let of_shape =
                |word: &&str| ["pool", "model", "_per_node", "within"].iter().any(|name| word.contains(name));
            let (mut shape, mut job_itself): (Vec<&str>, Vec<&str>) = words.partition(of_shape);
            let counts = format!(r#""nodes":{nodes},"cards_per_node_millis":{cards}"#);
            shape.push(&counts);
            let default = |name: &str, line: &'static str, words: &mut Vec<&str>| {
                if !words.iter().any(|word| word.contains(name)) {
                    words.push(line);
                }
            };
            default("pool", r#""pool":1"#, &mut shape);
            default("limit_ms", r#""limit_ms":10000"#, &mut job_itself);
            let (shape, job_itself) = (shape.join(","), job_itself.join(","));
            format!(
                r#""record":"submitted","job":{job},"organization":{organization},"user":1,"shape":{{{shape}}},{job_itself}"#
            )
        }
        ["place", id] => format!(r#""record":"placed",{},"shares":[{}]"#, attempt(id), shares(rest)),
        ["promise", job, "by", seconds] => {
            format!(r#""record":"promised","job":{job},"start_us":{seconds}000000,"shares":[{}]"#, shares(rest))
        }
        ["start", id] => format!(r#""record":"started",{}"#, attempt(id)),
        ["end", id] => {
            let retry = rest.ends_with("again");
            let (state, ran_ms) = rest.trim_end_matches(" again").split_once(" in ").unwrap_or((rest, ""));
            let state = state.trim_end_matches(" again");
            let ran_ms = if ran_ms.is_empty() { String::new() } else { format!(r#","ran_ms":{ran_ms}"#) };
            format!(r#""record":"ended",{},"state":"{state}","retry":{retry}{ran_ms}"#, attempt(id))
        }
        ["over", job] => format!(r#""record":"job_ended","job":{job},"state":"{rest}""#),
        ["cancel", job] => format!(r#""record":"job_cancelled","job":{job}"#),
        ["node", node, "in", domain] => format!(
            r#""record":"node_added","node":{node},"pool":1,"model":3,"cards":8,"cpu_millis":8000,"rack":{domain},"pod":{domain}"#
        ),
        ["drain", node] => format!(r#""record":"node_draining","node":{node},"draining":true"#),
        ["unusable", node] => format!(r#""record":"cards_unusable","node":{node},"cards":[{rest}]"#),
        ["suspend", organization] => {
            format!(r#""record":"organization_set","organization":{organization},"suspended":true"#)
        }
        ["policy", backfill] => {
            let order = if rest.is_empty() { "fifo" } else { rest };
            format!(r#""record":"policy_set","order":"{order}","backfill":"{backfill}","patience_ms":600000"#)
        }
        ["entitle", organization] => {
            let (guaranteed, weight) = rest.split_once(' ').unwrap();
            format!(
                r#""record":"organization_set","organization":{organization},"guaranteed_millis":{guaranteed},"weight":{weight}"#
            )
        }
        ["settled" | "closed"] => format!(r#""record":"{}""#, words[0]),
        _ => panic!("`{line}` is no record"),
    }
}

fn attempt(id: &str) -> String {
    let (job, number) = id.split_once('.').unwrap();
    let (job, element) = job.split_once('_').unwrap_or((job, "0"));
    format!(r#""attempt":{{"job":{job},"element":{element},"number":{number}}}"#)
}

fn shares(text: &str) -> String {
    let share = |text: &str| {
        let mut parts = text.split(':');
        let (node, cards) = (parts.next().unwrap(), parts.next().unwrap_or(""));
        let (cpu, memory) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
        let slot = |slot: &str| {
            let (index, millis) = slot.split_once('*').unwrap_or((slot, "1000"));
            format!(r#"{{"index":{index},"millis":{millis}}}"#)
        };
        let cards: Vec<_> = cards.split(',').filter(|card| !card.is_empty()).map(slot).collect();
        let cards = cards.join(",");
        format!(r#"{{"node":{node},"cards":[{cards}],"cpu_millis":{cpu},"memory_bytes":{memory}}}"#)
    };
    text.split(' ').filter(|text| !text.is_empty()).map(share).collect::<Vec<_>>().join(",")
}

fn complaints(short: &str) -> Vec<String> {
    let log = read(&expand(short)).unwrap_or_else(|error| panic!("{error}\n{}", expand(short)));
    check(&log).violations.iter().map(|violation| format!("{:?}", violation.broken)).collect()
}

#[test]
fn what_must_not_happen_is_found_and_nothing_else() {
    let cases = [
        // Capacity.
        ("NoSuchNode", "job 1 of 1: 1x1000\nplace 1.1: 3:0"),
        ("NoSuchCard", "job 1 of 1: 1x1000\nplace 1.1: 2:4"),
        ("NodeDraining", "drain 2\njob 1 of 1: 1x1000\nplace 1.1: 2:0"),
        ("CardUnusable", "unusable 2: 1,2\njob 1 of 1: 1x1000\nplace 1.1: 2:2"),
        ("CardOverfull", "job 1 of 1: 1x1000\njob 2 of 1: 1x1000\nplace 1.1: 2:0\nplace 2.1: 2:0"),
        ("CardOverfull", "job 1 of 1: 1x600\njob 2 of 1: 1x500\nplace 1.1: 1:0*600\nplace 2.1: 1:0*500"),
        ("CardOverfull", "job 1 of 1: 1x1\njob 2 of 1: 1x1000\nplace 1.1: 1:0*1\nplace 2.1: 1:0"),
        ("PartsNotAllowed", "job 1 of 1: 1x500\nplace 1.1: 2:0*500"),
        (
            "ProcessorsOverfull",
            "job 1 of 1: 1x1000 \"cpu_per_node_millis\":5000\njob 2 of 1: 1x0 \"cpu_per_node_millis\":3001
             place 1.1: 1:0:5000\nplace 2.1: 1::3001",
        ),
        (
            "MemoryOverfull",
            "job 1 of 1: 1x1000 \"memory_per_node_bytes\":64\njob 2 of 1: 1x0 \"memory_per_node_bytes\":1
             place 1.1: 1:0:0:64\nplace 2.1: 1::0:1",
        ),
        // Gangs.
        ("GangNotWhole", "job 1 of 1: 2x1000\nplace 1.1: 1:0"),
        ("NodeTwice", "job 1 of 1: 2x1000\nplace 1.1: 1:0 1:1"),
        ("ShareNotAsAsked", "job 1 of 1: 1x2000\nplace 1.1: 1:0"),
        ("ShareNotAsAsked", "job 1 of 1: 1x500\nplace 1.1: 1:0"),
        ("ShareNotAsAsked", "job 1 of 1: 1x1000 \"cpu_per_node_millis\":1000\nplace 1.1: 1:0"),
        ("WrongPool", "job 1 of 1: 1x1000 \"pool\":2\nplace 1.1: 1:0"),
        ("WrongModel", "job 1 of 1: 1x1000 \"model\":2\nplace 1.1: 1:0"),
        ("MixedModels", "job 1 of 1: 2x1000\nplace 1.1: 1:0 2:0"),
        ("RingLeft", "job 1 of 1: 1x2000\nplace 1.1: 1:3,4"),
        // Nearness.
        (
            "Apart",
            "job 1 of 1: 1x2000\njob 2 of 1: 1x2000\nplace 1.1: 1:0,1\nplace 2.1: 1:4,5
             job 3 of 2: 1x3000 \"within\":\"ring\"\nplace 3.1: 1:2,3,6",
        ),
        ("Apart", "job 1 of 1: 2x0 \"within\":\"node\"\nplace 1.1: 1: 2:"),
        ("Apart", "node 3 in 1\nnode 4 in 2\njob 1 of 1: 2x1000 \"within\":\"rack\"\nplace 1.1: 3:0 4:0"),
        ("Apart", "job 1 of 1: 2x0 \"within\":\"pod\"\nplace 1.1: 1: 2:"),
        ("Apart", "policy easy\nnode 3 in 1\nnode 4 in 2\njob 1 of 2: 2x1000 \"within\":\"pod\"\npromise 1 by 10: 3:0 4:0"),
        ("LeftWaiting", "node 3 in 1\nnode 4 in 1\njob 1 of 1: 2x1000 \"within\":\"rack\"\nsettled"),
        ("LeftWaiting", "job 1 of 1: 1x4000 \"within\":\"ring\"\nsettled"),
        // Who may start.
        ("QuotaExceeded", "job 1 of 1: 1x8000\njob 2 of 1: 1x3000\nplace 1.1: 1:0,1,2,3,4,5,6,7\nplace 2.1: 2:0,1,2"),
        ("Suspended", "job 1 of 1: 1x1000\nsuspend 1\nplace 1.1: 1:0"),
        ("TooEarly", "job 1 of 1: 1x1000 \"not_before_us\":9000000\n8s place 1.1: 1:0"),
        (
            "DependencyUnmet",
            "job 1 of 1: 1x1000\njob 2 of 1: 1x1000 \"after\":[{\"job\":1}]\nplace 1.1: 1:0\nplace 2.1: 1:1",
        ),
        (
            "DependencyUnmet",
            "job 1 of 1: 1x1000\njob 2 of 1: 1x1000 \"after\":[{\"job\":1,\"succeeded\":true}]
             place 1.1: 1:0\nend 1.1: failed\nover 1: failed\nplace 2.1: 1:1",
        ),
        (
            "TooManyElements",
            "job 1 of 1: 1x1000 \"array\":{\"count\":3,\"concurrency\":1}\nplace 1_0.1: 1:0\nplace 1_1.1: 1:1",
        ),
        // Attempts.
        ("TimeWentBack", "2s job 1 of 1: 1x1000\n1s cancel 1"),
        ("JobTwice", "job 1 of 1: 1x1000\njob 1 of 1: 1x1000"),
        ("NoSuchJob", "place 1.1: 1:0"),
        ("NotWaiting", "job 1 of 1: 1x1000\nplace 1.1: 1:0\nplace 1.2: 1:1"),
        ("NotWaiting", "job 1 of 1: 1x1000\ncancel 1\nplace 1.1: 1:0"),
        ("NotWaiting", "job 1 of 1: 1x1000 \"array\":{\"count\":3}\nplace 1_3.1: 1:0"),
        ("WrongNumber", "job 1 of 1: 1x1000\nplace 1.2: 1:0"),
        ("NotUnderWay", "job 1 of 1: 1x1000\nplace 1.1: 1:0\nend 1.1: succeeded\nend 1.1: succeeded"),
        ("NotUnderWay", "job 1 of 1: 1x1000\nstart 1.1"),
        ("RetryNotDue", "job 1 of 1: 1x1000 \"retries\":1\nplace 1.1: 1:0\nend 1.1: succeeded again"),
        ("RetryNotDue", "job 1 of 1: 1x1000\nplace 1.1: 1:0\nend 1.1: failed again"),
        ("JobEndedEarly", "job 1 of 1: 1x1000\nover 1: succeeded"),
        ("JobEndedEarly", "job 1 of 1: 1x1000 \"retries\":1\nplace 1.1: 1:0\nend 1.1: lost again\nover 1: lost"),
        ("JobEndedEarly", "job 1 of 1: 1x1000\nplace 1.1: 1:0\ncancel 1\nover 1: cancelled\nend 1.1: cancelled"),
        ("NeverEnded", "job 1 of 1: 1x1000\nplace 1.1: 1:0\nclosed"),
        ("Forgotten", "job 1 of 1: 1x1000\nclosed"),
        // Order.
        ("PassedOver", "job 1 of 1: 1x1000\njob 2 of 1: 1x1000\nplace 2.1: 1:0"),
        ("PassedOver", "job 1 of 1: 1x1000\njob 2 of 2: 1x2000\nplace 2.1: 1:0,1"),
        ("PassedOver", "job 1 of 1: 1x1000\njob 2 of 2: 1x2000 \"priority\":1\nplace 1.1: 1:0"),
        // By points, of one user: whatever they are, the older, larger and more urgent one has more.
        ("PassedOver", "policy best_effort: multifactor\njob 1 of 1: 1x2000\njob 2 of 1: 1x1000 \"priority\":-1\nplace 2.1: 1:0"),
        ("LeftWaiting", "job 1 of 1: 1x8000\njob 2 of 1: 1x1000\nplace 1.1: 1:0,1,2,3,4,5,6,7\nsettled"),
        ("PassedOver", "policy none\njob 1 of 2: 1x9000\njob 2 of 2: 1x1000 \"model\":1\nplace 2.1: 1:0"),
        (
            "PassedOver",
            "policy best_effort: shortest\njob 1 of 1: 1x1000 \"predicted_ms\":900\njob 2 of 1: 1x1000 \"predicted_ms\":100
             place 1.1: 1:0",
        ),
        // The first of its kind took 50 ms, whatever was predicted; and of two that are alike, the first is next.
        (
            "PassedOver",
            "policy best_effort: shortest\njob 1 of 1: 1x1000 \"similar\":7\nplace 1.1: 1:0\nend 1.1: succeeded in 50\nover 1: succeeded
             job 2 of 1: 1x1000 \"predicted_ms\":100\njob 3 of 1: 1x1000 \"predicted_ms\":900 \"similar\":7\nplace 2.1: 1:0",
        ),
        (
            "PassedOver",
            "policy best_effort: shortest\njob 1 of 1: 1x1000 \"predicted_ms\":900 \"similar\":7
             job 2 of 1: 1x1000 \"predicted_ms\":100 \"similar\":7\nplace 2.1: 1:0",
        ),
        (
            "PassedOver",
            "policy best_effort: deadline\njob 1 of 1: 1x1000 \"limit_ms\":9000\njob 2 of 1: 1x1000 \"limit_ms\":8000
             place 1.1: 1:0",
        ),
        // One card each, but organization 2 is entitled to twice as many; and both hold half, one of its guarantee.
        (
            "PassedOver",
            "policy best_effort: fair\nentitle 2: 0 2\njob 1 of 1: 1x1000\nplace 1.1: 1:0\njob 2 of 2: 1x1000\nplace 2.1: 1:1
             job 3 of 1: 1x1000\njob 4 of 2: 1x1000\nplace 3.1: 1:2",
        ),
        (
            "PassedOver",
            "policy best_effort: fair\nentitle 2: 2000 1\njob 1 of 1: 1x500\nplace 1.1: 1:0*500\njob 2 of 2: 1x1000\nplace 2.1: 1:1
             job 3 of 1: 1x1000\njob 4 of 2: 1x1000\nplace 3.1: 1:2",
        ),
        ("LeftWaiting", "policy none\njob 1 of 2: 1x8000\nsettled"),
        ("LeftWaiting", "policy easy\njob 1 of 1: 1x8000\nsettled"),
        // Promises.
        (
            "PromiseBroken",
            "policy easy\njob 1 of 2: 1x8000\nplace 1.1: 1:0,1,2,3,4,5,6,7\njob 2 of 2: 1x8000
             promise 2 by 10: 1:0,1,2,3,4,5,6,7\n9s end 1.1: succeeded\nover 1: succeeded
             job 3 of 2: 1x1000\nplace 3.1: 1:0\n12s settled\nend 3.1: succeeded\nover 3: succeeded
             place 2.1: 1:0,1,2,3,4,5,6,7",
        ),
        // Two jobs pass a promise of eight cards at 10 s: one that ends by then, and one that may not.
        (
            "PromiseHopeless",
            "policy easy\njob 1 of 2: 1x4000\nplace 1.1: 1:0,1,2,3\njob 2 of 2: 1x8000 \"limit_ms\":5000
             promise 2 by 11: 1:0,1,2,3,4,5,6,7\njob 3 of 2: 1x1000\nplace 3.1: 1:4\nsettled
             job 4 of 2: 1x1000 \"limit_ms\":12000\nplace 4.1: 1:5\nsettled",
        ),
        // Half a card is promised beside more than half of it, before that must end.
        (
            "PromiseHopeless",
            "policy conservative\njob 1 of 2: 1x500\njob 2 of 2: 1x600\npromise 1 by 10: 1:0*500\npromise 2 by 19: 1:0*600\nsettled",
        ),
        ("PromiseMoved", "policy easy\njob 1 of 2: 1x8000\npromise 1 by 10: 1:0\npromise 1 by 11: 1:0"),
    ];
    for (expected, short) in cases {
        let found = complaints(short);
        let only = found.len() == 1 && found[0].starts_with(expected);
        assert!(only, "{expected} and nothing else:\n{short}\n{found:?}");
    }
}

#[test]
fn what_may_happen_is_not_complained_about() {
    let cases = [
        // Parts share a card, and what is given back can be given out again.
        "job 1 of 1: 1x600\njob 2 of 1: 1x400\nplace 1.1: 1:0*600\nplace 2.1: 1:0*400
         end 1.1: succeeded\nover 1: succeeded\nend 2.1: failed\nover 2: failed
         job 3 of 1: 1x8000\nplace 3.1: 1:0,1,2,3,4,5,6,7\nend 3.1: lost\nover 3: lost\nclosed",
        // No ring has two free cards.
        "job 1 of 1: 1x3000\njob 2 of 1: 1x3000\nplace 1.1: 1:0,1,2\nplace 2.1: 1:4,5,6\njob 3 of 1: 1x2000\nplace 3.1: 1:3,7",
        // No ring has three free cards, and no rack two nodes with room.
        "job 1 of 2: 1x5000 \"model\":1\nplace 1.1: 1:0,1,2,3,4\njob 2 of 2: 1x4000\nplace 2.1: 2:0,1,2,3
         job 3 of 2: 1x4000 \"within\":\"ring\"\nsettled",
        "node 3 in 1\nnode 4 in 2\njob 1 of 2: 2x1000 \"within\":\"rack\"\nsettled",
        "node 3 in 1\nnode 4 in 1\njob 1 of 2: 2x1000 \"within\":\"rack\"\nplace 1.1: 3:0 4:0\nsettled",
        // A lowered limit stops admission, and evicts nobody; what needs no cards is not held back by it.
        "job 1 of 1: 1x8000\nplace 1.1: 1:0,1,2,3,4,5,6,7\njob 2 of 1: 1x4000\njob 3 of 2: 1x4000\nplace 3.1: 2:0,1,2,3\nsettled",
        // What waits for a success in vain is over with it.
        "job 1 of 1: 1x1000\njob 2 of 1: 1x1000 \"after\":[{\"job\":1,\"succeeded\":true}]
         place 1.1: 1:0\nend 1.1: failed\nover 1: failed\nover 2: cancelled\nclosed",
        // An array, one element of which is tried twice and one of which is cancelled under way.
        "job 1 of 1: 1x1000 \"retries\":1 \"array\":{\"count\":2,\"concurrency\":2}\nplace 1_0.1: 1:0\nplace 1_1.1: 1:1
         end 1_0.1: failed again\nplace 1_0.2: 1:0\nend 1_1.1: cancelled\nend 1_0.2: failed\nover 1: failed\nclosed",
        // The head waits for a whole node; with promises those behind it may be held back though they fit.
        "policy easy\njob 1 of 2: 1x1000\nplace 1.1: 1:0\njob 2 of 2: 1x8000\npromise 2 by 11: 1:0,1,2,3,4,5,6,7
         job 3 of 2: 1x1000 \"model\":1 \"limit_ms\":60000\nsettled\n10s end 1.1: succeeded\nover 1: succeeded
         place 2.1: 1:0,1,2,3,4,5,6,7\nsettled",
        // By points, a higher priority may be outweighed, and so may age.
        "policy best_effort: multifactor\njob 1 of 1: 1x1000\njob 2 of 1: 1x1000 \"priority\":1\nplace 1.1: 1:0\nplace 2.1: 1:1",
        "policy best_effort: multifactor\njob 1 of 1: 1x1000\njob 2 of 1: 1x1000 \"priority\":1\nplace 2.1: 1:0\nplace 1.1: 1:1",
        // A short job passes a long one, but not one that came so much earlier.
        "policy best_effort: shortest\njob 1 of 1: 1x1000 \"predicted_ms\":900\njob 2 of 2: 1x1000 \"predicted_ms\":100
         place 2.1: 1:0\nplace 1.1: 1:1",
        "policy best_effort: shortest\njob 1 of 1: 1x1000 \"predicted_ms\":900\n700s job 2 of 2: 1x1000 \"predicted_ms\":100
         place 1.1: 1:0\nplace 2.1: 1:1",
        // Who is alike waits for who came first, but not if its limit is of another magnitude.
        "policy best_effort: shortest\njob 1 of 1: 1x1000 \"predicted_ms\":900 \"similar\":7
         job 2 of 1: 1x1000 \"predicted_ms\":100 \"similar\":7\njob 3 of 1: 1x1000 \"predicted_ms\":500
         job 4 of 1: 1x1000 \"predicted_ms\":100 \"similar\":7 \"limit_ms\":1000
         place 4.1: 1:0\nplace 3.1: 1:1\nplace 1.1: 1:2\nplace 2.1: 1:3",
        // Who is next of two users, or of two organizations by past use, cannot be told from the log.
        "policy best_effort: fair_tree\njob 1 of 1: 1x1000\njob 2 of 2: 1x1000\nplace 2.1: 1:0\nplace 1.1: 1:1",
        // Without backfill, other cards are given out all the same.
        "policy none\njob 1 of 2: 1x8000 \"model\":1\njob 2 of 2: 1x1000 \"model\":2\nplace 2.1: 2:0\nplace 1.1: 1:0,1,2,3,4,5,6,7",
        // Promises one after another, and one beside another.
        "policy conservative\njob 1 of 2: 1x500\njob 2 of 2: 1x600\njob 3 of 2: 1x500
         promise 1 by 10: 1:0*500\npromise 3 by 15: 1:0*500\npromise 2 by 25: 1:0*600\nsettled",
        // A drained node excuses that a promise slips.
        "policy easy\njob 1 of 2: 1x8000\npromise 1 by 10: 1:0,1,2,3,4,5,6,7\ndrain 1\npromise 1 by 99: 1:0,1,2,3,4,5,6,7",
        // So does a job of a higher priority, and one that outstays its limit.
        "policy easy\njob 1 of 2: 1x8000\npromise 1 by 10: 1:0\njob 2 of 2: 1x8000 \"priority\":1\npromise 1 by 99: 1:0",
        "policy easy\njob 1 of 2: 1x8000\nplace 1.1: 1:0,1,2,3,4,5,6,7\nstart 1.1\njob 2 of 2: 1x8000
         promise 2 by 10: 1:0,1,2,3,4,5,6,7\n11s end 1.1: failed\nover 1: failed\nplace 2.1: 1:0,1,2,3,4,5,6,7",
    ];
    for short in cases {
        assert_eq!(complaints(short), Vec::<String>::new(), "{short}");
    }
}

#[test]
fn a_log_reads_back_as_it_is_written_and_names_a_line_that_is_none() {
    let log =
        read(&expand("job 1 of 1: 1x1000\nplace 1.1: 1:0\nend 1.1: succeeded\nover 1: succeeded\nclosed")).unwrap();
    assert_eq!(read(&crate::plan_log::write(&log)).unwrap(), log);
    let error = read("\n{\"at_us\":1,\"record\":\"settled\"}\n{\"at_us\":1,\"record\":\"unheard\"}").unwrap_err();
    assert!(error.starts_with("line 3: unknown variant"), "{error}");
}

/// The judge must not share the mistakes of the judged.
#[test]
fn the_checker_knows_neither_the_scheduler_nor_the_center() {
    let sources = [
        include_str!("attempts.rs"),
        include_str!("capacity.rs"),
        include_str!("fit.rs"),
        include_str!("gang.rs"),
        include_str!("line.rs"),
        include_str!("mod.rs"),
        include_str!("near.rs"),
        include_str!("order.rs"),
        include_str!("promise.rs"),
        include_str!("quota.rs"),
        include_str!("scene.rs"),
        include_str!("violation.rs"),
        include_str!("waiting.rs"),
        include_str!("../plan_log.rs"),
    ];
    let foreign = sources.iter().flat_map(|text| text.lines()).filter(|line| line.contains("haina_"));
    assert_eq!(foreign.collect::<Vec<_>>(), Vec::<&str>::new());
}
