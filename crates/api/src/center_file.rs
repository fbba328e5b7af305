//! The center file: TOML that an operator writes, for [`CenterDefinition`].

use std::path::PathBuf;

use haina_core::both;
use haina_core::center_definition::{
    CardModelDefinition, CenterDefinition, NodeDefinition, OrganizationDefinition, PoolDefinition, ProjectDefinition,
    UserDefinition,
};
use haina_core::local_definition::{
    ConfinementPolicy, EnvironmentDefinition, ImagesDefinition, KeepDefinition, KeepRule, LocalDefinition,
    MountDefinition, PythonDefinition, RealNodeDefinition,
};
use haina_core::{Currency, Entitlement, EnvironmentContent, Milliseconds, Policy, Refusal, Role, is_image_source};
use serde::Deserialize;

use crate::account::money_of;
use crate::job_file::parse_toml;
use crate::job_request::read_image;
use crate::node_names::expand_names;
use crate::packages::PythonSpec;
use crate::policy::{PriorityWeightsSpec, read_policy};
use crate::quantity::{Number, Quantity};
use crate::quota::QuotaRequest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CenterFile {
    name: String,
    #[serde(default = "yuan")]
    currency: String,
    #[serde(default)]
    card_models: Vec<CardModelEntry>,
    pools: Vec<PoolEntry>,
    nodes: Vec<NodeEntry>,
    #[serde(default)]
    organizations: Vec<OrganizationEntry>,
    #[serde(default)]
    users: Vec<UserEntry>,
    #[serde(default)]
    projects: Vec<ProjectDefinition>,
    #[serde(default)]
    quotas: Vec<QuotaRequest>,
    policy: Option<String>,
    priority_weights: Option<PriorityWeightsSpec>,
    #[serde(default)]
    local: LocalEntry,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LocalEntry {
    #[serde(default)]
    confinement: Option<ConfinementPolicy>,
    #[serde(default)]
    first_user: Option<Number>,
    #[serde(default)]
    processes: Option<Number>,
    #[serde(default)]
    mounts: Vec<MountEntry>,
    #[serde(default)]
    python: PythonEntry,
    #[serde(default)]
    images: ImagesEntry,
    #[serde(default)]
    environments: Vec<EnvironmentEntry>,
    #[serde(default)]
    keep: KeepEntry,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PythonEntry {
    index: Option<String>,
    #[serde(default)]
    extra_indexes: Vec<String>,
    credentials: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImagesEntry {
    #[serde(default)]
    allowed: Vec<String>,
    storage: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentEntry {
    name: String,
    requirements: Option<Vec<String>>,
    requirements_file: Option<String>,
    lock_file: Option<String>,
    image: Option<String>,
}

/// Puts what is in the files that a table of packages names in the place of their names.
pub type ReadPackages<'a> = &'a dyn Fn(&mut PythonSpec) -> Result<(), Refusal>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeepEntry {
    environments_days: Option<Number>,
    environments_size: Option<Quantity>,
    attempts_days: Option<Number>,
    attempts_size: Option<Quantity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MountEntry {
    path: PathBuf,
    organization: Option<String>,
    #[serde(default)]
    writable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardModelEntry {
    name: String,
    vendor: String,
    memory: Quantity,
    tflops_fp16: Number,
    watts: Number,
    #[serde(default)]
    ring: Option<Number>,
    #[serde(default)]
    super_pod: Option<Number>,
    #[serde(default)]
    fractions: bool,
    simulated: bool,
    #[serde(default)]
    matches: Option<String>,
    price_per_card_hour: Quantity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolEntry {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeEntry {
    name: String,
    pool: Option<String>,
    card_model: Option<String>,
    cards: Option<Number>,
    cpus: Option<Number>,
    memory: Option<Quantity>,
    /// The number of its rack or switch.
    rack: Option<u32>,
    /// The number of its pod of the network.
    pod: Option<u32>,
    /// It is this machine itself: what is absent is found out.
    #[serde(default)]
    discover: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizationEntry {
    name: String,
    title: Option<String>,
    card_limit: Option<Number>,
    weight: Option<Number>,
    guaranteed: Option<Number>,
    opening_balance: Option<Quantity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    name: String,
    role: Role,
    organization: Option<String>,
}

fn yuan() -> String {
    Currency::CNY.code().to_owned()
}

/// Reads a center file that names no files of packages.
///
/// # Errors
/// `invalid_request` with line, column and what is wrong there; `invalid_value` with the field.
pub fn parse_center_file(text: &str) -> Result<CenterDefinition, Refusal> {
    parse_center_file_with(text, &|_| Ok(()))
}

/// Reads a center file, and with `read` the files of packages that it names.
///
/// # Errors
/// As [`parse_center_file`], and those of `read`.
pub fn parse_center_file_with(text: &str, read: ReadPackages<'_>) -> Result<CenterDefinition, Refusal> {
    let file: CenterFile = parse_toml(text)?;
    let rule = both("a code of three capital letters, such as `CNY`", "三个大写字母的货币代码，例如 `CNY`");
    let currency: Currency =
        file.currency.parse().map_err(|_| Refusal::invalid_value("currency", &file.currency, rule))?;
    let first_pool = file.pools.first().map(|pool| pool.name.clone()).unwrap_or_default();
    let mut nodes = Vec::new();
    let mut real_node = None;
    for (index, entry) in file.nodes.into_iter().enumerate() {
        let added = match entry.discover {
            true => set_real_node(&mut real_node, entry, &first_pool),
            false => add_nodes(&mut nodes, entry, &first_pool),
        };
        added.map_err(|refusal| refusal.of_entry("nodes", index))?;
    }
    let card_models = each("card_models", file.card_models, |entry| card_model(entry, currency))?;
    let organizations = each("organizations", file.organizations, |entry| organization(entry, currency))?;
    let quotas = each("quotas", file.quotas, |entry| entry.definition())?;
    let local = LocalDefinition { real_node, ..local(file.local, read)? };
    Ok(CenterDefinition {
        local,
        policy: policy(file.policy.as_deref(), file.priority_weights.as_ref())?,
        name: file.name,
        currency,
        card_models,
        pools: file.pools.into_iter().map(|pool| PoolDefinition { name: pool.name }).collect(),
        nodes,
        organizations,
        projects: file.projects,
        quotas,
        users: file
            .users
            .into_iter()
            .map(|user| UserDefinition { name: user.name, role: user.role, organization: user.organization })
            .collect(),
    })
}

/// Reads each entry of a table; a refusal says which it is about.
fn each<E, D>(table: &str, entries: Vec<E>, read: impl Fn(E) -> Result<D, Refusal>) -> Result<Vec<D>, Refusal> {
    let entries = entries.into_iter().enumerate();
    entries.map(|(index, entry)| read(entry).map_err(|refusal| refusal.of_entry(table, index))).collect()
}

/// The policy, if the file names one.
fn policy(name: Option<&str>, weights: Option<&PriorityWeightsSpec>) -> Result<Option<Policy>, Refusal> {
    match (name, weights) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let rule =
                both("`multifactor` where there are `priority_weights`", "`multifactor`（已填写 `priority_weights`）");
            Err(Refusal::absent("policy", rule))
        }
        (Some(name), weights) => read_policy(name, weights, "priority_weights").map(Some),
    }
}

fn card_model(entry: CardModelEntry, currency: Currency) -> Result<CardModelDefinition, Refusal> {
    let at = |field: &str| format!("card_models.{field}");
    let whole =
        |number: Number, field: &str| number.whole(&at(field), both("a whole number from 0", "不小于 0 的整数"));
    Ok(CardModelDefinition {
        memory: entry.memory.bytes(&at("memory"))?,
        tflops_fp16: whole(entry.tflops_fp16, "tflops_fp16")?,
        watts: whole(entry.watts, "watts")?,
        ring: entry.ring.map_or(Ok(0), |ring| whole(ring, "ring"))?,
        super_pod: entry.super_pod.map_or(Ok(0), |cards| whole(cards, "super_pod"))?,
        price_per_card_hour: money_of(&entry.price_per_card_hour, &at("price_per_card_hour"), currency)?,
        name: entry.name,
        vendor: entry.vendor,
        fractions: entry.fractions,
        simulated: entry.simulated,
        matches: entry.matches,
    })
}

fn add_nodes(nodes: &mut Vec<NodeDefinition>, entry: NodeEntry, first_pool: &str) -> Result<(), Refusal> {
    let given = || {
        both(
            "given, or `discover = true` where the node is this machine itself",
            "必须填写；若该节点就是本机，可改为 `discover = true`",
        )
    };
    let cards = entry.cards.map_or(Ok(0), card_count)?;
    let cpu = entry.cpus.ok_or_else(|| Refusal::absent("nodes.cpus", given()))?.cpus("nodes.cpus")?;
    let memory = entry.memory.ok_or_else(|| Refusal::absent("nodes.memory", given()))?.bytes("nodes.memory")?;
    for name in expand_names(&entry.name)? {
        nodes.push(NodeDefinition {
            name,
            pool: entry.pool.clone().unwrap_or_else(|| first_pool.to_owned()),
            card_model: entry.card_model.clone(),
            cards,
            cpu,
            memory,
            rack: entry.rack,
            pod: entry.pod,
        });
    }
    Ok(())
}

fn card_count(cards: Number) -> Result<u32, Refusal> {
    cards.whole("nodes.cards", both("a whole number up to 64", "不超过 64 的整数"))
}

fn set_real_node(
    real_node: &mut Option<RealNodeDefinition>,
    entry: NodeEntry,
    first_pool: &str,
) -> Result<(), Refusal> {
    if let Some(known) = real_node {
        let rule = both(
            format!("given for one node only: {} is this machine already", known.name),
            format!("只能用于一个节点：{} 已是本机", known.name),
        );
        return Err(Refusal::invalid_value("nodes.discover", true, rule));
    }
    if expand_names(&entry.name)? != [&entry.name[..]] {
        let rule = both("one name, because this is one machine", "单个名称，因为本机只有一台");
        return Err(Refusal::invalid_value("nodes.name", &entry.name, rule));
    }
    if entry.rack.or(entry.pod).is_some() {
        let rule = both("given only where several machines are listed", "仅用于逐一列出的机器");
        return Err(Refusal::invalid_value("nodes.rack", &entry.name, rule));
    }
    *real_node = Some(RealNodeDefinition {
        name: entry.name,
        pool: entry.pool.unwrap_or_else(|| first_pool.to_owned()),
        card_model: entry.card_model,
        cards: entry.cards.map(card_count).transpose()?,
        cpu: entry.cpus.map(|cpus| cpus.cpus("nodes.cpus")).transpose()?,
        memory: entry.memory.map(|memory| memory.bytes("nodes.memory")).transpose()?,
    });
    Ok(())
}

fn organization(entry: OrganizationEntry, currency: Currency) -> Result<OrganizationDefinition, Refusal> {
    let opening = entry.opening_balance.unwrap_or_else(|| Quantity::from("0"));
    Ok(OrganizationDefinition {
        title: entry.title.unwrap_or_else(|| entry.name.clone()),
        card_limit: entry.card_limit.map(|limit| limit.card_limit("organizations.card_limit")).transpose()?,
        entitlement: entitlement(entry.weight, entry.guaranteed)?,
        opening_balance: money_of(&opening, "organizations.opening_balance", currency)?,
        name: entry.name,
    })
}

fn entitlement(weight: Option<Number>, guaranteed: Option<Number>) -> Result<Entitlement, Refusal> {
    let usual = Entitlement::default();
    Ok(Entitlement {
        weight: weight.map_or(Ok(usual.weight), |weight| weight.weight("organizations.weight"))?,
        guaranteed: guaranteed.map_or(Ok(usual.guaranteed), |cards| cards.card_limit("organizations.guaranteed"))?,
    })
}

/// Numbers of users below this one are the system's own.
const FIRST_USER_LEAST: u32 = 1000;

fn local(entry: LocalEntry, read: ReadPackages<'_>) -> Result<LocalDefinition, Refusal> {
    let usual = LocalDefinition::default();
    let first_user = match entry.first_user {
        None => usual.first_user,
        Some(number) => {
            let rule = both("a user number from 1000 to 2000000000", "1000 至 2000000000 的用户编号");
            let number: u32 = number.whole("local.first_user", rule.clone())?;
            if !(FIRST_USER_LEAST..=2_000_000_000).contains(&number) {
                return Err(Refusal::invalid_value("local.first_user", number, rule));
            }
            number
        }
    };
    let processes = match entry.processes {
        None => usual.processes,
        Some(number) => {
            let rule = both("a whole number from 16", "不小于 16 的整数");
            let number: u32 = number.whole("local.processes", rule.clone())?;
            if number < 16 {
                return Err(Refusal::invalid_value("local.processes", number, rule));
            }
            number
        }
    };
    let mut mounts = Vec::new();
    for mount in entry.mounts {
        if !mount.path.is_absolute() {
            return Err(Refusal::invalid_value(
                "local.mounts.path",
                mount.path.display(),
                both("an absolute path", "绝对路径"),
            ));
        }
        mounts.push(MountDefinition { path: mount.path, organization: mount.organization, writable: mount.writable });
    }
    Ok(LocalDefinition {
        confinement: entry.confinement.unwrap_or(usual.confinement),
        first_user,
        processes,
        mounts,
        real_node: None,
        python: python(entry.python)?,
        images: images(entry.images)?,
        environments: entry.environments.into_iter().map(|entry| environment(entry, read)).collect::<Result<_, _>>()?,
        keep: keep(entry.keep, usual.keep)?,
    })
}

fn python(entry: PythonEntry) -> Result<PythonDefinition, Refusal> {
    index_address("local.python.index", entry.index.as_ref())?;
    index_address("local.python.extra_indexes", &entry.extra_indexes)?;
    if let Some(path) = entry.credentials.as_ref().filter(|path| !path.is_absolute()) {
        let rule = both("an absolute path", "绝对路径");
        return Err(Refusal::invalid_value("local.python.credentials", path.display(), rule));
    }
    Ok(PythonDefinition { index: entry.index, extra_indexes: entry.extra_indexes, credentials: entry.credentials })
}

/// The center file is copied and shown: no password belongs in it.
fn index_address<'a>(field: &str, addresses: impl IntoIterator<Item = &'a String>) -> Result<(), Refusal> {
    for address in addresses {
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains('@') {
            let rule = both(
                "an address without name and password, which belong into the file that `credentials` names",
                "不含用户名和密码的地址；用户名和密码应写入 `credentials` 所指的文件",
            );
            let value = both("an address with a password", "含有密码的地址");
            return Err(Refusal::invalid_value(field, "", rule).with_phrase("value", value));
        }
        let is_plain = !address.contains(|c: char| c.is_whitespace() || c.is_control() || "?#".contains(c));
        if !["http", "https"].contains(&scheme) || host.is_empty() || !is_plain {
            let rule = both(
                "the address of an index, such as `https://packages.example/simple/`",
                "软件包索引的地址，例如 `https://packages.example/simple/`",
            );
            return Err(Refusal::invalid_value(field, address, rule));
        }
    }
    Ok(())
}

fn environment(entry: EnvironmentEntry, read: ReadPackages<'_>) -> Result<EnvironmentDefinition, Refusal> {
    if entry.name.trim().is_empty() || entry.name.len() > 128 {
        let rule = both("a name for people, 1 to 128 bytes", "便于识别的名称，1 到 128 字节");
        return Err(Refusal::invalid_value("local.environments.name", entry.name, rule));
    }
    let EnvironmentEntry { name, requirements, requirements_file, lock_file, image } = entry;
    let is_given = [requirements.is_some(), requirements_file.is_some(), lock_file.is_some(), image.is_some()];
    if is_given.iter().filter(|is_given| **is_given).count() != 1 {
        let rule = both(
            "exactly one of `requirements`, `requirements_file`, `lock_file` and `image`",
            "`requirements`、`requirements_file`、`lock_file` 和 `image` 之中恰好一个",
        );
        let value =
            if is_given.contains(&true) { both("several of them", "其中多个") } else { both("empty", "空") };
        return Err(Refusal::invalid_value("local.environments", "", rule).with_phrase("value", value));
    }
    // This file is kept and read again from another directory.
    for (field, path) in [("requirements_file", &requirements_file), ("lock_file", &lock_file)] {
        if let Some(path) = path.as_ref().filter(|path| !path.starts_with('/')) {
            let rule = both("an absolute path", "绝对路径");
            return Err(Refusal::invalid_value(&format!("local.environments.{field}"), path, rule));
        }
    }
    let content = match image {
        Some(image) => EnvironmentContent::Image(read_image("local.environments.image", &image)?),
        None => {
            let mut python = PythonSpec { requirements, requirements_file, lock_file, file: None };
            read(&mut python)?;
            // Its fields stand in another table than a job's.
            EnvironmentContent::Python(python.environment().map_err(|refusal| {
                let field = refusal.values.get("field").map(|field| field.replace("python", "local.environments"));
                refusal.with("field", field.unwrap_or_default())
            })?)
        }
    };
    Ok(EnvironmentDefinition { name, content })
}

fn images(entry: ImagesEntry) -> Result<ImagesDefinition, Refusal> {
    if let Some(wrong) = entry.allowed.iter().find(|text| !is_image_source(text)) {
        let rule = both(
            "a registry's host, or the beginning of what it has, such as `registry.example/team`; `localhost` means the \
             machine's own images",
            "镜像仓库的主机名，或其内容的前缀，例如 `registry.example/team`；`localhost` 指本机自有的镜像",
        );
        return Err(Refusal::invalid_value("local.images.allowed", wrong, rule));
    }
    if let Some(path) = entry.storage.as_ref().filter(|path| !path.is_absolute()) {
        let rule = both("an absolute path", "绝对路径");
        return Err(Refusal::invalid_value("local.images.storage", path.display(), rule));
    }
    Ok(ImagesDefinition { allowed: entry.allowed, storage: entry.storage })
}

fn keep(entry: KeepEntry, usual: KeepDefinition) -> Result<KeepDefinition, Refusal> {
    let days = |number: Option<Number>, field: &str, usual: Option<Milliseconds>| match number {
        None => Ok(usual),
        Some(number) => {
            let rule = both("a whole number of days from 1 to 36500", "1 到 36500 之间的整数（天）");
            let days: u64 = number.whole(field, rule.clone())?;
            match (1..=36_500).contains(&days) {
                true => Ok(Some(Milliseconds::from_seconds(days * 24 * 3600))),
                false => Err(Refusal::invalid_value(field, days, rule)),
            }
        }
    };
    let size = |size: Option<Quantity>, field: &str| size.map(|size| size.bytes(field)).transpose();
    Ok(KeepDefinition {
        environments: KeepRule {
            age: days(entry.environments_days, "local.keep.environments_days", usual.environments.age)?,
            size: size(entry.environments_size, "local.keep.environments_size")?,
        },
        attempts: KeepRule {
            age: days(entry.attempts_days, "local.keep.attempts_days", usual.attempts.age)?,
            size: size(entry.attempts_size, "local.keep.attempts_size")?,
        },
    })
}
