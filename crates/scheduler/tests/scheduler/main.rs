//! What the scheduler promises, as scenarios and as random sequences against a plain reference.

mod admission;
mod builders;
mod fair_tree_order;
mod fractions;
mod gangs;
mod least_fragmentation;
mod nodes;
mod queue;
mod quotas;
mod random_cluster;
mod random_earliest;
mod random_queue;
mod random_turns;
mod reference;
mod rings;
mod slurm_tables;
mod topology;
mod withheld;
mod without_cards;
