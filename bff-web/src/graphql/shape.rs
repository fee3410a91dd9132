//! In which sequence the fields of an answer stand: that in which they are asked for (GraphQL, "Serialized Map Ordering").
//! They are resolved at the same time, and would otherwise stand as they came.

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};

/// The fields of a selection by their names in the answer, each once, and what is selected of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape(pub(super) Vec<(Name, Shape)>);

impl Shape {
    /// What `operation` selects. It has been measured: it is not larger than its cost, and no fragment is in itself.
    pub(super) fn of(document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut shape = Self::default();
        shape.add(document, &operation.selection_set.node);
        shape
    }

    fn add(&mut self, document: &ExecutableDocument, selections: &SelectionSet) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.field(&field.response_key().node)
                        .add(document, &field.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    self.add(document, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name) {
                        self.add(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn field(&mut self, name: &Name) -> &mut Self {
        let known = self.0.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            self.0.push((name.clone(), Self::default()));
            self.0.len() - 1
        });
        &mut self.0[index].1
    }
}
