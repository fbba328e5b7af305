//! What a build is to make.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use haina_core::PythonEnvironment;

use super::image::ImageRecipe;
use super::listing::About;
use super::tools::Tools;
use super::{image, key_of, python};
use crate::confinement::Confinement;
use crate::durable;
use crate::records::TaskOrder;

/// One of the kinds of environments, and what is in it.
#[derive(Clone, Debug)]
pub enum Recipe {
    /// Python packages, and what installs them.
    Python(PythonEnvironment, Tools),
    /// An image.
    Image(ImageRecipe),
}

impl Recipe {
    /// What a reason calls it.
    pub fn what(&self) -> String {
        match self {
            Recipe::Python(..) => "the Python environment".to_owned(),
            Recipe::Image(image) => format!("the image {}", image.reference),
        }
    }

    /// The name of the environment: what is the same has the same.
    pub fn key(&self) -> String {
        match self {
            Recipe::Python(packages, tools) => key_of(packages, tools),
            Recipe::Image(image) => image.key(),
        }
    }

    /// Writes what the build reads, and returns what its task is to do. `packages_from` says where packages come from, where
    /// the center file does.
    pub fn write(
        &self,
        directory: &Path,
        inherited: &BTreeMap<String, String>,
        packages_from: &BTreeMap<String, String>,
        confinement: &Confinement,
    ) -> io::Result<TaskOrder> {
        match self {
            Recipe::Python(packages, tools) => {
                let about =
                    About { interpreter: tools.python_description.clone(), packages: packages.clone(), image: None };
                durable::write_atomically(&directory.join("about.json"), &about)?;
                python::write_files(directory, packages)?;
                let mut order = python::order(directory, packages, tools, inherited, packages_from);
                // Packages run programs of their own while they are installed.
                python::confine(&mut order, directory, tools, confinement)?;
                Ok(order)
            }
            Recipe::Image(recipe) => {
                let image = Some(recipe.reference.clone());
                let about = About { interpreter: String::new(), packages: PythonEnvironment::default(), image };
                durable::write_atomically(&directory.join("about.json"), &about)?;
                Ok(image::order(directory, recipe, confinement))
            }
        }
    }

    /// Takes away what a build left that did not end well.
    pub fn clear(&self, directory: &Path) {
        if let Recipe::Image(recipe) = self {
            image::clear(directory, recipe);
        }
    }

    /// The build has ended well: says what it made, in a word.
    pub fn complete(&self, directory: &Path) -> io::Result<String> {
        match self {
            Recipe::Python(_, tools) => Ok(tools.python_description.clone()),
            Recipe::Image(recipe) => Ok(image::complete(directory, recipe)?.digest),
        }
    }
}
