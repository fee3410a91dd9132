//! What can be set of GraphQL.

use bff_shared::config::Section;

/// Limits of a request, and what is shown to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQlConfig {
    /// How deep fields may be nested.
    pub max_depth: u32,
    /// What a request may cost.
    pub max_complexity: u32,
    /// How many fields may have an alias.
    pub max_aliases: u32,
    /// How many directives there may be.
    pub max_directives: u32,
    /// How many tokens a document may have.
    pub max_tokens: u32,
    /// The most that `first` may be.
    pub max_page: u32,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// Whether a browser is given the explorer.
    pub explorer: bool,
}

/// The longest page that the order service gives.
const LONGEST_PAGE: u32 = 100;

impl Default for GraphQlConfig {
    fn default() -> Self {
        Self {
            max_depth: 12,
            max_complexity: 5_000,
            max_aliases: 30,
            max_directives: 20,
            max_tokens: 2_000,
            max_page: LONGEST_PAGE,
            introspection: true,
            explorer: true,
        }
    }
}

impl GraphQlConfig {
    /// Reads the section `graphql`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            max_depth: section.integer(
                "max_depth",
                default.max_depth,
                1..=30,
                "How deep the fields of a GraphQL request may be nested.",
            ),
            max_complexity: section.integer(
                "max_complexity",
                default.max_complexity,
                1..=1_000_000,
                "What a GraphQL request may cost: 1 for each field, times the length of its page, and 25 for each call.",
            ),
            max_aliases: section.integer(
                "max_aliases",
                default.max_aliases,
                0..=1_000,
                "How many fields of a GraphQL request may have an alias.",
            ),
            max_directives: section.integer(
                "max_directives",
                default.max_directives,
                0..=1_000,
                "How many directives a GraphQL request may have.",
            ),
            max_tokens: section.integer(
                "max_tokens",
                default.max_tokens,
                10..=20_000,
                "How many tokens a GraphQL document may have.",
            ),
            max_page: section.integer(
                "max_page",
                default.max_page,
                1..=LONGEST_PAGE,
                "The most that `first` may be.",
            ),
            introspection: section.flag(
                "introspection",
                default.introspection,
                "Whether the schema may be asked for.",
            ),
            explorer: section.flag(
                "explorer",
                default.explorer,
                "Whether a browser that opens /graphql is given the explorer.",
            ),
        }
    }
}
