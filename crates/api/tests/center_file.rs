//! The center file.

use haina_api::{
    PackagesFileKind, PackagesFileSpec, PythonSpec, entry_line, parse_center_file, parse_center_file_with,
};
use haina_core::{
    Bytes, CardMillis, Currency, Entitlement, EnvironmentContent, Milliseconds, Money, Order, Policy, PriorityWeights,
    Quota, Refusal, both,
};

const SAMPLE: &str = include_str!("../../../examples/centers/qingdao-100p.toml");

#[test]
fn the_sample_center_is_of_its_size() {
    let center = parse_center_file(SAMPLE).unwrap();
    assert_eq!(center.nodes.len(), 39);
    assert_eq!(center.nodes.iter().map(|node| node.cards).sum::<u32>(), 312);
    assert_eq!((&*center.nodes[0].name, &*center.nodes[38].name), ("ascend-01", "ascend-39"));
    let model = &center.card_models[0];
    let pflops = center.nodes.len() as u32 * 8 * model.tflops_fp16 / 1000;
    assert_eq!(pflops, 99, "about 100 P");
    assert_eq!((model.memory, model.watts, model.ring, model.simulated), (Bytes(32 << 30), 310, 4, true));
    assert_eq!(model.price_per_card_hour, Money::units(8, Currency::CNY));
    assert_eq!(center.organizations.len(), 4);
    assert_eq!(center.organizations[0].card_limit, Some(CardMillis::whole(128)));
    assert_eq!(center.organizations[3].opening_balance, Money::units(2, Currency::CNY));
    for organization in &center.organizations {
        let members = center.users.iter().filter(|user| user.organization.as_ref() == Some(&organization.name));
        assert_eq!(members.count(), 2, "{}", organization.name);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        ("currency = \"CNY\"", "currency = \"yuan\"", "invalid_value", "yuan"),
        ("watts = 310", "wats = 310", "invalid_request", "`wats`; the nearest known one is `watts`"),
        ("cards = 8", "cards = -8", "invalid_value", "nodes.cards"),
        (
            "opening_balance = \"2\"",
            "opening_balance = \"1.0000001\"",
            "invalid_value",
            "organizations.opening_balance",
        ),
        ("\"8.00\"", "\"eight\"", "invalid_value", "card_models.price_per_card_hour"),
        ("ascend-[01-33]", "ascend-[33-01]", "invalid_value", "ascends"),
        ("role = \"developer\"", "role = \"king\"", "invalid_request", "unknown variant `king`"),
    ];
    for (from, to, code, expected) in cases {
        assert!(SAMPLE.contains(from), "{from}");
        let refusal = parse_center_file(&SAMPLE.replacen(from, to, 1)).unwrap_err();
        assert_eq!(refusal.code.word(), code, "{to}");
        assert!(refusal.to_string().contains(expected), "{to}: {refusal}");
    }
}

#[test]
fn a_policy_is_named_and_organizations_are_entitled() {
    let text = SAMPLE.replacen("currency =", "policy = \"throughput\"\ncurrency =", 1);
    let text = text.replacen("card_limit = 128", "card_limit = 128\nweight = 3\nguaranteed = 64", 1);
    let center = parse_center_file(&text).unwrap();
    assert_eq!(center.policy, Policy::named("throughput"));
    assert_eq!(center.organizations[0].entitlement, Entitlement { weight: 3, guaranteed: CardMillis::whole(64) });
    assert_eq!(center.organizations[1].entitlement, Entitlement::default());
    assert_eq!(parse_center_file(SAMPLE).unwrap().policy, None);
    for (from, to, expected) in [
        ("throughput", "fastest", "`fair`"),
        ("weight = 3", "weight = 1.5", "organizations.weight"),
        ("guaranteed = 64", "guaranteed = -1", "organizations.guaranteed"),
    ] {
        let refusal = parse_center_file(&text.replacen(from, to, 1)).unwrap_err();
        assert_eq!(refusal.code.word(), "invalid_value", "{to}");
        assert!(refusal.to_string().contains(expected), "{to}: {refusal}");
    }
}

#[test]
fn weights_are_given_to_the_policy_that_has_some() {
    let weighed =
        |lines: &str| parse_center_file(&format!("policy = \"multifactor\"\n{SAMPLE}\n[priority_weights]\n{lines}"));
    let order = |lines: &str| weighed(lines).unwrap().policy.unwrap().order;
    assert_eq!(order(""), Order::Multifactor(PriorityWeights::DEFAULT));
    let max_age = Milliseconds::from_seconds(2 * 86_400);
    let given = PriorityWeights { age: 7, size: 0, max_age, ..PriorityWeights::DEFAULT };
    assert_eq!(order("age = 7\nsize = 0\nmax_age = \"2d\""), Order::Multifactor(given));
    for (wrong, expected) in [
        ("age = 0", "priority_weights.age"),
        ("size = 100001", "priority_weights.size"),
        ("priority = -1", "priority_weights.priority"),
        ("fair_share = 0.5", "priority_weights.fair_share"),
        ("max_age = \"0s\"", "priority_weights.max_age"),
        ("max_age = \"101d\"", "priority_weights.max_age"),
    ] {
        let refusal = weighed(wrong).unwrap_err();
        assert_eq!(refusal.code.word(), "invalid_value", "{wrong}");
        assert!(refusal.to_string().contains(expected), "{wrong}: {refusal}");
    }
    assert!(weighed("nice = 1").unwrap_err().to_string().contains("nice"));
    for other in ["policy = \"fair\"\n", ""] {
        let refusal = parse_center_file(&format!("{other}{SAMPLE}\n[priority_weights]\nage = 1\n")).unwrap_err();
        assert_eq!(refusal.code.word(), "invalid_value", "{other}");
    }
}

#[test]
fn one_node_may_be_this_machine() {
    let entry = "[[nodes]]\nname = \"here\"\ndiscover = true\n";
    let center = parse_center_file(&format!("{SAMPLE}\n{entry}cards = 4\n")).unwrap();
    assert_eq!(center.nodes.len(), 39, "it is no node yet: what it has is not known");
    let real = center.local.real_node.unwrap();
    assert_eq!((&*real.name, &*real.pool, real.cards, real.cpu), ("here", "public", Some(4), None));
    for (wrong, expected) in [
        (format!("{entry}{entry}"), "here is this machine already"),
        (entry.replace("here", "here-[1-2]"), "one name"),
        (entry.replace("discover = true", "memory = \"1GiB\""), "`nodes.cpus` is absent"),
    ] {
        let refusal = parse_center_file(&format!("{SAMPLE}\n{wrong}")).unwrap_err();
        assert!(refusal.to_string().contains(expected), "{refusal}");
    }
}

#[test]
fn what_the_local_engine_is_told_of_packages_and_keeping_arrives() {
    let local = "[local.python]\nindex = 'https://packages.example/simple/'\ncredentials = '/etc/haina/index.netrc'\n\
                 [[local.environments]]\nname = 'course'\nrequirements = ['numpy']\n\
                 [local.keep]\nenvironments_size = '2GiB'\nattempts_days = 90\n";
    let center = parse_center_file(&format!("{SAMPLE}\n{local}")).unwrap().local;
    assert_eq!(center.python.index.as_deref(), Some("https://packages.example/simple/"));
    let course = &center.environments[0];
    let EnvironmentContent::Python(python) = &course.content else { panic!("{course:?}") };
    assert_eq!((&*course.name, python.requirements.len()), ("course", 1));
    let days = |count: u64| Some(haina_core::Milliseconds::from_seconds(count * 24 * 3600));
    assert_eq!((center.keep.environments.age, center.keep.environments.size), (days(30), Some(Bytes(2 << 30))));
    assert_eq!((center.keep.attempts.age, center.keep.attempts.size), (days(90), None));

    for (from, to, field) in [
        ("https://packages", "https://li:secret@packages", "local.python.index"),
        ("https://packages.example/simple/", "packages.example", "local.python.index"),
        ("'/etc/haina/index.netrc'", "'index.netrc'", "local.python.credentials"),
        ("['numpy']", "['-r /etc/passwd']", "local.environments.requirements"),
        ("attempts_days = 90", "attempts_days = 0", "local.keep.attempts_days"),
        ("'2GiB'", "'2G'", "local.keep.environments_size"),
    ] {
        let refusal = parse_center_file(&format!("{SAMPLE}\n{}", local.replacen(from, to, 1))).unwrap_err();
        assert_eq!((refusal.code.word(), &*refusal.values["field"]), ("invalid_value", field), "{to}");
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
}

#[test]
fn which_images_may_be_used_and_which_are_kept_ready_arrives() {
    let local = "[local.images]\nallowed = ['registry.example/team', 'localhost']\nstorage = '/srv/images'\n\
                 [[local.environments]]\nname = 'torch'\nimage = 'registry.example/team/torch'\n";
    let center = parse_center_file(&format!("{SAMPLE}\n{local}")).unwrap().local;
    assert_eq!(center.images.allowed, ["registry.example/team", "localhost"]);
    assert_eq!(center.images.storage.as_deref(), Some(std::path::Path::new("/srv/images")));
    let image = "registry.example/team/torch:latest".parse().unwrap();
    assert_eq!(center.environments[0].content, EnvironmentContent::Image(image));

    for (from, to, field) in [
        ("'localhost'", "'dir:/etc'", "local.images.allowed"),
        ("'localhost'", "'python'", "local.images.allowed"),
        ("'/srv/images'", "'images'", "local.images.storage"),
        ("'registry.example/team/torch'", "'oci-archive:/srv/a.tar'", "local.environments.image"),
        ("image =", "requirements = ['numpy']\nimage =", "local.environments"),
        ("image = 'registry.example/team/torch'", "", "local.environments"),
    ] {
        let refusal = parse_center_file(&format!("{SAMPLE}\n{}", local.replacen(from, to, 1))).unwrap_err();
        assert_eq!((refusal.code.word(), &*refusal.values["field"]), ("invalid_value", field), "{to}");
    }
}

#[test]
fn an_environment_is_also_what_a_lock_file_says() {
    let local = "[[local.environments]]\nname = 'course'\nlock_file = '/etc/haina/uv.lock'\n";
    let read = |python: &mut PythonSpec| {
        assert_eq!(python.lock_file.take().as_deref(), Some("/etc/haina/uv.lock"));
        let (kind, project) = (PackagesFileKind::UvLock, Some("[project]\nname = 'a'\n".to_owned()));
        python.file = Some(PackagesFileSpec { kind, text: "version = 1\n".to_owned(), project });
        Ok(())
    };
    let center = parse_center_file_with(&format!("{SAMPLE}\n{local}"), &read).unwrap().local;
    let EnvironmentContent::Python(python) = &center.environments[0].content else { panic!() };
    assert_eq!(python.file.as_ref().map(|file| file.kind), Some(PackagesFileKind::UvLock));

    let relative = local.replace("/etc/haina/", "");
    let refusal = parse_center_file_with(&format!("{SAMPLE}\n{relative}"), &read).unwrap_err();
    assert_eq!(refusal.values["field"], "local.environments.lock_file");
}

#[test]
fn projects_and_quotas_are_read_and_a_refusal_knows_its_line() {
    let added = r#"
[[projects]]
name = "buoys"
organization = "ocean-institute"
parent = "sonar"

[[quotas]]
pool = "public"
organization = "ocean-institute"
guaranteed = 96
limit = 128
lendable = 32

[[quotas]]
organization = "ocean-institute"
user = "ocean-developer"
limit = 0.5
"#;
    let text = format!("{SAMPLE}{added}");
    let center = parse_center_file(&text).unwrap();
    assert_eq!(center.projects[0].parent.as_deref(), Some("sonar"));
    let quota = &center.quotas[0].quota;
    let (guaranteed, limit) = (CardMillis::whole(96), Some(CardMillis::whole(128)));
    assert_eq!(*quota, Quota { guaranteed, limit, lendable: Some(CardMillis::whole(32)) });
    assert_eq!(center.quotas[1].quota.limit, Some(CardMillis(500)));
    assert_eq!(center.quotas[1].user.as_deref(), Some("ocean-developer"));

    let line_of = |wanted: &str| text.lines().position(|line| line == wanted).unwrap() + 1;
    let refusal = parse_center_file(&text.replacen("lendable = 32", "lendable = -1", 1)).unwrap_err();
    assert_eq!(entry_line(&text, &refusal), Some(line_of("[[quotas]]")));
    // What the center itself refuses names the entry, or the node among all nodes of the file.
    let plain = || Refusal::invalid_value("limit", 5, both("less", "更小"));
    assert_eq!(entry_line(&text, &plain().of_entry("quotas", 1)), Some(line_of("[[quotas]]") + 7));
    let of_node = |node: usize| entry_line(&text, &plain().with("table", "nodes").with("node", node));
    let first = line_of("[[nodes]]");
    assert_eq!((of_node(0), of_node(32)), (Some(first), Some(first)));
    assert_eq!(of_node(33), Some(text.lines().position(|line| line.contains("ascend-[34-39]")).unwrap()));
    assert_eq!((of_node(39), entry_line(&text, &plain())), (None, None));
}
