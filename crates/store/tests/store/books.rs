//! The books of a real database prove right, and whatever somebody changes in them behind the center's back is named.

use std::collections::BTreeMap;

use haina_center::{BooksCheck, BooksReport, Wrong};
use haina_core::{Digest, Month, OrganizationId};
use haina_ledger::LedgerAccount;
use haina_store::Snapshot;

use crate::history::busy_history;
use crate::home::Home;

async fn checked_with(home: &Home, noted: BTreeMap<u64, Digest>) -> BooksReport {
    let mut snapshot = Snapshot::open(&home.location).await.unwrap();
    let mut books = BooksCheck::with_noted(noted);
    let facts = snapshot.facts(0, i32::MAX as u32).await.unwrap();
    facts.iter().for_each(|stored| books.take(stored.position, stored.at, &stored.fact));
    books.compare_months(snapshot.months.as_ref().expect("a new database has sums by month"));
    books.finish(&snapshot.loaded.state)
}

async fn checked(home: &Home) -> BooksReport {
    checked_with(home, BTreeMap::new()).await
}

pub async fn sums_by_month_are_made_anew_from_an_older_journal(home: Home) {
    let store = home.open().await;
    let center = busy_history(&store).await;
    let month = Month::of(center.now);
    let months = store.months(OrganizationId(1), month).await.unwrap();
    let charged = months.worked.values().map(|worked| worked.micros).sum::<i128>();
    let earned = months.moved.iter().filter(|(key, _)| (key.account, key.kind) == (LedgerAccount::Revenue, "charge"));
    assert_eq!(charged, earned.map(|(_, moved)| moved.micros).sum::<i128>(), "what was used is what was charged");
    assert!(charged > 0 && months.worked.keys().all(|key| key.month == month));
    drop(store);
    for sql in ["DROP TABLE month_accounts", "DROP TABLE month_users", "UPDATE schema_version SET version = 5"] {
        home.execute(sql);
    }
    assert_eq!(Snapshot::open(&home.location).await.unwrap().months, None, "an older database can be checked too");
    let store = home.open().await;
    assert_eq!(store.months(OrganizationId(1), month).await.unwrap(), months);
    assert_eq!(checked(&home).await.wrong, []);
}

pub async fn books_prove_right_and_name_what_was_changed(home: Home) {
    let store = home.open().await;
    let center = busy_history(&store).await;
    let right = checked(&home).await;
    assert_eq!(right.wrong, [], "nothing is wrong");
    assert!(right.charges > 10 && right.unsealed == 0, "{right:?}");
    assert_eq!(right.chain, center.state.view().ledger.chain);
    assert_eq!(right.transactions, right.chain.length);
    let (length, last) = (right.chain.length, right.chain.last);
    assert_eq!(checked_with(&home, BTreeMap::from([(length, last)])).await.wrong, []);
    for noted in [(length - 1, last), (10_000, last)] {
        let wrong = checked_with(&home, BTreeMap::from([noted])).await.wrong;
        assert!(matches!(wrong[..], [Wrong::SealNoted { .. }]), "{wrong:?}");
    }
    drop(store);

    let last = "(SELECT MAX(position) FROM facts WHERE organization IS NOT NULL)";
    for (what, undo, names) in [
        // What a payment was for.
        (
            "UPDATE facts SET body = REPLACE(body, '转账 7', '转账 8') WHERE organization IS NOT NULL".to_owned(),
            Some("UPDATE facts SET body = REPLACE(body, '转账 8', '转账 7') WHERE organization IS NOT NULL"),
            &["the seal at"][..],
        ),
        // A balance.
        (
            "UPDATE entities SET body = (SELECT body FROM entities WHERE kind = 'account' AND id = 2) \
             WHERE kind = 'account' AND id = 1"
                .to_owned(),
            None,
            &["the balance of prepaid/1"],
        ),
        // A payment, before all that is sealed.
        (
            "UPDATE facts SET body = '{\"fact\":\"posted\",\"transaction\":{\"kind\":{\"top_up\":{\"reference\":\"x\"}},\
             \"organization\":1,\"postings\":[{\"account\":\"cash\",\"amount\":\"-9.000000 CNY\"},\
             {\"account\":{\"prepaid\":1},\"amount\":\"9.000000 CNY\"}]}}' WHERE position = 1"
                .to_owned(),
            Some("UPDATE facts SET body = '{\"fact\":\"leadership_taken\",\"epoch\":1}' WHERE position = 1"),
            &["the seal at"],
        ),
        // A charge that was never made.
        (
            format!("UPDATE facts SET body = (SELECT body FROM facts WHERE position = {last}) WHERE position = 2"),
            None,
            &[
                "the seal at",
                "which did not end before, or was charged before",
                "the books should be",
                "the balance of",
            ],
        ),
        // A sum of which statements are made.
        (
            "UPDATE month_users SET attempts = attempts + 1".to_owned(),
            Some("UPDATE month_users SET attempts = attempts - 1"),
            &["is not the sum of what ended then"],
        ),
        (
            "UPDATE month_accounts SET micros = micros + 1 WHERE kind = 'charge'".to_owned(),
            Some("UPDATE month_accounts SET micros = micros - 1 WHERE kind = 'charge'"),
            &["the sum of charge on revenue of organization 1"],
        ),
        // One that is gone.
        (
            format!("DELETE FROM facts WHERE position = {last}"),
            None,
            &["ended and was not charged", "the books should be", "the balance of"],
        ),
    ] {
        home.execute(&what);
        let wrong: Vec<String> = checked(&home).await.wrong.iter().map(ToString::to_string).collect();
        for name in names {
            assert!(wrong.iter().any(|wrong| wrong.contains(name)), "after {what}\n{name}: {wrong:#?}");
        }
        undo.into_iter().for_each(|undo| _ = home.execute(undo));
    }
}
