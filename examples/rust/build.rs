//! Finds libae where AE_INCLUDE_DIR and AE_LIB_DIR say, else by pkg-config, and has the bindgen
//! command turn ae.h into ae.rs.
use std::env;
use std::process::Command;

fn output_of(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8").trim().to_owned()
}

fn folder(variable: &str, pkg_config: &str) -> String {
    println!("cargo:rerun-if-env-changed={variable}");
    env::var(variable).unwrap_or_else(|_| {
        output_of(Command::new("pkg-config").arg(format!("--variable={pkg_config}")).arg("ae"))
    })
}

fn main() {
    let include = folder("AE_INCLUDE_DIR", "includedir");
    let lib = folder("AE_LIB_DIR", "libdir");
    let header = format!("{include}/ae/ae.h");
    let bindings = env::var("OUT_DIR").expect("cargo sets it") + "/ae.rs";

    output_of(
        Command::new("bindgen")
            .args([&header, "--output", &bindings])
            .args(["--allowlist-function", "ae_.*", "--allowlist-var", "AE_.*"])
            .args(["--", &format!("-I{include}")]),
    );
    println!("cargo:rerun-if-changed={header}");
    println!("cargo:rustc-link-search=native={lib}");
    println!("cargo:rustc-link-lib=dylib=ae");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
