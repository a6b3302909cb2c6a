//! libae from Rust, with what bindgen makes of ae.h alone: build, train, encode, also in many threads, save, load,
//! compare.
use std::ffi::{CStr, CString};
use std::{env, fmt, fs, process, ptr, thread};

#[allow(non_camel_case_types, non_upper_case_globals, dead_code)]
mod ae {
    include!(concat!(env!("OUT_DIR"), "/ae.rs"));
}

const INPUTS: usize = 8;
const CODE: usize = 2;
const ROWS: usize = 1024;
const THREADS: usize = 4;

/// libae's own message of the call that failed.
#[derive(Debug)]
struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Result<T> = std::result::Result<T, Error>;

fn check(status: i32) -> Result<()> {
    if status == ae::AE_OK {
        return Ok(());
    }
    let text = unsafe { CStr::from_ptr(ae::ae_last_error()) };
    Err(Error(text.to_string_lossy().into_owned()))
}

/// A handle of libae, freed when it goes.
struct Handle<T> {
    raw: *mut T,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Handle<T> {
    fn new(create: impl FnOnce(*mut *mut T) -> i32, free: unsafe extern "C" fn(*mut T)) -> Result<Self> {
        let mut raw = ptr::null_mut();
        check(create(&mut raw))?;
        Ok(Handle { raw, free })
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        unsafe { (self.free)(self.raw) }
    }
}

struct Model(Handle<ae::ae_model>);

// A handle may be used by any thread, by one at a time.
unsafe impl Send for Model {}

impl Model {
    /// 8-32-2-32-8.
    fn create() -> Result<Model> {
        unsafe {
            let config = Handle::new(|out| ae::ae_config_create(out), ae::ae_config_free)?;
            let c = config.raw;
            ae::ae_config_input(c, INPUTS as i64);
            ae::ae_config_dense(c, 32, ae::AE_ACT_TANH);
            ae::ae_config_dense(c, CODE as i64, ae::AE_ACT_LINEAR);
            ae::ae_config_code(c); // all layers so far are the encoder
            ae::ae_config_dense(c, 32, ae::AE_ACT_TANH);
            ae::ae_config_dense(c, INPUTS as i64, ae::AE_ACT_LINEAR);
            ae::ae_config_loss(c, ae::AE_LOSS_MSE);
            ae::ae_config_set_i64(c, ae::AE_PARAM_BATCH, 32);
            ae::ae_config_set_f64(c, ae::AE_PARAM_LEARNING_RATE, 0.003);
            // The first mistake made above is reported here, too.
            Handle::new(|out| ae::ae_model_create(out, c), ae::ae_model_free).map(Model)
        }
    }

    fn load(path: &CStr) -> Result<Model> {
        Handle::new(|out| unsafe { ae::ae_model_load(out, path.as_ptr()) }, ae::ae_model_free).map(Model)
    }

    /// Another handle on the same weights, for another thread.
    fn share(&self) -> Result<Model> {
        Handle::new(|out| unsafe { ae::ae_model_share(out, self.0.raw) }, ae::ae_model_free).map(Model)
    }

    fn save(&self, path: &CStr) -> Result<()> {
        check(unsafe { ae::ae_model_save(self.0.raw, path.as_ptr()) })
    }

    fn fit(&mut self, x: &[f32], epochs: i64) -> Result<()> {
        unsafe {
            let options = Handle::new(|out| ae::ae_fit_options_create(out), ae::ae_fit_options_free)?;
            check(ae::ae_fit_options_set_i64(options.raw, ae::AE_FIT_EPOCHS, epochs))?;
            let rows = (x.len() / INPUTS) as i64;
            check(ae::ae_fit(self.0.raw, x.as_ptr(), ptr::null(), rows, options.raw))
        }
    }

    fn encode(&mut self, x: &[f32]) -> Result<Vec<f32>> {
        let rows = x.len() / INPUTS;
        let mut code = vec![0.0; rows * CODE];
        let (out, cap) = (code.as_mut_ptr(), code.len());
        // size_t is usize or u64, as the version of bindgen has it.
        check(unsafe { ae::ae_encode(self.0.raw, x.as_ptr(), rows as i64, out, cap as _) })?;
        Ok(code)
    }

    fn evaluate(&mut self, x: &[f32]) -> Result<f64> {
        let mut loss = 0.0;
        let rows = (x.len() / INPUTS) as i64;
        check(unsafe { ae::ae_evaluate(self.0.raw, x.as_ptr(), ptr::null(), rows, &mut loss) })?;
        Ok(loss)
    }
}

/// Points of a circle, turned into 8 dimensions: a code of 2 can hold them.
fn circle() -> Vec<f32> {
    let point = |i: usize| {
        let angle = i as f32 * 2.0 * std::f32::consts::PI / ROWS as f32;
        (0..INPUTS).map(move |j| (angle + j as f32).cos())
    };
    (0..ROWS).flat_map(point).collect()
}

/// Each part by a handle of its own on the model.
fn encode_in_threads(model: &Model, x: &[f32]) -> Result<Vec<f32>> {
    thread::scope(|scope| {
        let parts = x.chunks(x.len() / THREADS).map(|part| {
            let mut share = model.share()?;
            Ok(scope.spawn(move || share.encode(part)))
        });
        let running: Vec<_> = parts.collect::<Result<_>>()?;
        let codes: Result<Vec<_>> = running.into_iter().map(|t| t.join().expect("no thread panics")).collect();
        Ok(codes?.concat())
    })
}

fn run() -> Result<()> {
    let x = circle();
    let path = env::temp_dir().join(format!("ae-quickstart-{}.aem", process::id()));
    let c_path = CString::new(path.to_string_lossy().as_bytes()).map_err(|e| Error(e.to_string()))?;

    let mut model = Model::create()?;
    let before = model.evaluate(&x)?;
    model.fit(&x, 20)?;
    let code = model.encode(&x)?;
    model.save(&c_path)?;
    let loaded = Model::load(&c_path);
    fs::remove_file(&path).map_err(|e| Error(e.to_string()))?;
    let same = loaded?.encode(&x)? == code && encode_in_threads(&model, &x)? == code;
    println!("before={before:.5} mse={:.5} same={}", model.evaluate(&x)?, i32::from(same));
    if same { Ok(()) } else { Err(Error("codes differ".into())) }
}

fn main() {
    if let Err(error) = run() {
        eprintln!("ae-quickstart: {error}");
        process::exit(1);
    }
}
