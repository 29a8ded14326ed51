use super::*;
use meshform_model::mesh::Mesh;
use meshform_model::testing;
use serde_json::{Value, json};

fn mesh(specs: &Value) -> Mesh {
    Mesh::new(testing::resources(specs).unwrap()).unwrap()
}

fn picture(specs: &Value) -> Picture {
    let mesh = mesh(specs);
    let problems = mesh.check();
    Picture::of(&[mesh], &problems)
}
