//! Traces are read as they are written, and what cannot be used is counted, never repaired.

use haina_core::{CardMillis, Language, Milliseconds};
use haina_simulator::trace::{Complaint, Generation, generate, openb};
use haina_simulator::{Workload, pool};

const PHILLY: &str = "timestamp,duration,num_gpus,gpu_time,cluster\n";
const OPENB: &str =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

fn counts(workload: &Workload) -> Vec<(Complaint, u64, u64)> {
    workload.report.counts.iter().map(|count| (count.complaint, count.lines, count.first_line)).collect()
}

#[test]
fn lines_of_philly_are_sorted_and_bad_ones_counted() {
    let text = PHILLY.to_owned()
        + "2017-10-09 07:01:55,66.0,1,66.0,b\n"
        + "2017-10-09 07:00:55,5.5,8,44.0,a\n"
        + "2017-10-09 07:01:55,30,2,60,a\n"
        + "2017-10-09 07:02:55,-30,2,60,a\n"
        + "2017-10-09 07:02:55,30,0,0,a\n"
        + "2017-10-09 07:02:55,30\n"
        + "whenever,30,1,30,a\n"
        + "2017-10-09 07:02:55,31,-1,0,a\n"
        + "2017-10-09 07:02:55,99999999999,1,0,a\n\n";
    let workload = Workload::read(&text).unwrap();
    let jobs: Vec<_> =
        workload.jobs.iter().map(|job| (job.at.0, job.run.0, job.cards.0, workload.text(job.name))).collect();
    assert_eq!(jobs, [(0, 5500, 8000, "a"), (60_000, 30_000, 2000, "a"), (60_000, 66_000, 1000, "b")]);
    assert!(workload.report.unsorted);
    assert_eq!(
        counts(&workload),
        [
            (Complaint::Negative, 2, 5),
            (Complaint::WithoutCards, 1, 6),
            (Complaint::Fields, 1, 7),
            (Complaint::Unreadable, 1, 8),
            (Complaint::Absurd, 1, 10),
        ]
    );
}

#[test]
fn a_trace_without_jobs_and_a_text_that_is_no_trace_are_refused() {
    let refusal = Workload::read(&(PHILLY.to_owned() + "2017-10-09 07:02:55,-30,2,60,a\n")).unwrap_err();
    let sentence = refusal.sentence(Language::English);
    assert!(sentence.contains("line 2: a negative time"), "{sentence}");
    for text in ["", "hello", PHILLY, "\u{0}\u{1}", "a,b,c\n1,2,3"] {
        assert!(Workload::read(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_standard_workload_format_is_read_with_its_gaps() {
    let text = "; Version: 2.2\n; MaxProcs: 128\n\
        1 100 5 60 4 -1 -1 8 3600 -1 1 7 2 3 1 -1 -1 -1\n\
        2 160 5 60 4 -1 -1 -1 -1 -1 1 -1 -1 -1 1 -1 -1 -1\n\
        3 161 5 -1 4 -1 -1 8 3600 -1 5 7 2 3 1 -1 -1 -1\n\
        4 162 5 7200 4 -1 -1 8 3600 -1 1 7 2 3 1 -1 -1 -1\n\
        5 163 5 10\n";
    let workload = Workload::read(text).unwrap();
    let [first, second, third] = &workload.jobs[..] else { panic!("{:?}", workload.jobs) };
    assert_eq!((first.at, first.run, first.cards), (Milliseconds(0), Milliseconds(60_000), CardMillis::whole(8)));
    assert_eq!((workload.text(first.user), workload.text(first.organization)), ("user-7", "group-2"));
    assert_eq!((first.limit, second.limit), (Some(Milliseconds(3_600_000)), None));
    assert_eq!((second.cards, workload.text(second.user)), (CardMillis::whole(4), "user-unknown"));
    assert_eq!(third.run, Milliseconds(7_200_000));
    assert_eq!(workload.report.cards, Some(128));
    assert_eq!(
        counts(&workload),
        [(Complaint::NeverRan, 1, 5), (Complaint::PastItsLimit, 1, 6), (Complaint::Fields, 1, 7)]
    );
}

#[test]
fn pods_and_nodes_of_openb_are_read() {
    let text = OPENB.to_owned()
        + "p0,12000,16384,1,460,,LS,Running,0,100,10\n"
        + "p1,6000,12288,2,1000,V100M16|V100M32,BE,Running,5,100,10\n"
        + "p2,6000,12288,0,0,,BE,Running,5,100,10\n"
        + "p3,6000,12288,1,1000,,BE,Pending,5,100,\n";
    let workload = Workload::read(&text).unwrap();
    let jobs: Vec<_> = workload.jobs.iter().map(|job| (job.run.0, job.cards.0, job.cpu.0)).collect();
    assert_eq!(jobs, [(90_000, 460, 12_000), (90_000, 2000, 6000)]);
    assert_eq!(
        counts(&workload),
        [(Complaint::CardModels, 1, 3), (Complaint::WithoutCards, 1, 4), (Complaint::NeverRan, 1, 5)]
    );
    let untimed = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np0,1,1,1,1000\n";
    assert!(Workload::read(untimed).is_err(), "pods without times cannot be replayed");

    let center = openb::center("sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\nn1,1000,1024,0,\n").unwrap();
    assert_eq!((center.nodes.len(), pool::cards(&center), pool::spread(&center)), (1, 2, pool::Spread::Nodes(2)));
    assert!(openb::center("sn,cpu_milli,memory_mib,gpu,model\nn0,x,1,2,P100\n").is_err());
}

#[test]
fn generated_work_is_the_same_for_a_seed_and_has_the_load_asked_for() {
    let generation = Generation { jobs: 20_000, seed: 7, cards: 256, load_percent: 80 };
    let workload = generate(generation);
    assert_eq!(workload, generate(generation));
    assert_ne!(workload, generate(Generation { seed: 8, ..generation }));
    assert!(workload.jobs.is_sorted_by_key(|job| job.at));
    let span = workload.jobs.last().unwrap().at.0;
    let load_percent = workload.card_use() * 100 / (u128::from(span) * 256_000);
    assert!((78..=82).contains(&load_percent), "{load_percent} %");
    let single = workload.jobs.iter().filter(|job| job.cards == CardMillis::WHOLE).count();
    assert!((13_600..14_400).contains(&single), "about 70 % of 20,000 ask for one card: {single}");
    assert!(workload.jobs.iter().all(|job| job.limit.is_some_and(|limit| limit >= job.run)));
}
