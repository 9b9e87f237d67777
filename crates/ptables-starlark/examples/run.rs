//! Prints what a script makes.
use ptables_starlark::{Folder, Options, evaluate};
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut options = Options::default();
    options.files = std::sync::Arc::new(Folder::of(path.as_ref()));
    let made = evaluate(&path, &text, &options);
    let renderer = ptables::diag::render::Renderer::new(false, 100);
    for it in &made.diagnostics {
        eprintln!("{}", renderer.render(it));
    }
    if let Some(tables) = made.tables {
        print!("{}", tables.to_iptables().unwrap());
    }
}
