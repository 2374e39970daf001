//! `duku backup`: a copy of the data as they are at one moment, made while the server runs.

pub(crate) mod check;
pub(crate) mod seal;

use super::{
    admin::{Format, operating_system_user, require_data, urls},
    next::{self, Next, quoted},
    output,
};
use crate::{
    app::{self, Ambient},
    command_error::CommandError,
    master_key,
    settings::Settings,
};
use check::{Sound, apart, examine, is_same_file, size, sqlite_file};
use clap::Args;
use jose::MasterKey;
use serde_json::json;
use service::{Service, tokens::signing_keys};
use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write, stdout},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::Store;

/// What PostgreSQL's operators do instead.
const POSTGRES: &str = "which has tools of its own: `pg_dump --format=custom --file=duku.dump \"$DUKU_DATABASE_URL\"` keeps one moment, \
     pg_basebackup with WAL archiving every moment; keep the master key apart from both";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku backup /backup/duku.db\n  duku backup --force /backup/duku-$(date +%a).db         (in place of last week's)\n  duku backup - | ssh vault 'cat > duku.db'               (checked here first, then sent)\n\nThe backup holds digests and sealed keys, and not the master key: keep a copy of that somewhere else. With PostgreSQL\nuse pg_dump, or pg_basebackup with WAL archiving."
)]
pub(crate) struct Backup {
    /// The file to write; - is standard output
    file: PathBuf,
    /// Replace the file if it is there, once the new backup has been checked
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    format: Format,
}

impl Backup {
    pub(crate) async fn run(self, settings: &Settings, next: &Next) -> Result<(), CommandError> {
        let source = sqlite_file(settings, POSTGRES)?;
        require_data(settings)?;
        let piped = self.file == Path::new("-");
        self.check(&source, piped)?;
        let master_key = fitting_key(settings).await?;
        let draft = Draft::make(if piped { &source } else { &self.file })?;
        output::progress("Copying and checking …");
        let sound = write(settings, &source, &draft, master_key.as_ref());
        let sound = sound?;
        if piped {
            send(&draft)?;
            drop(draft);
        } else {
            draft.put(&self.file)?;
        }
        let noted = match master_key {
            Some(_) => note(settings, &self.file, &sound).await.map(|()| true),
            None => Ok(false),
        };
        self.report(settings, &sound, &noted, piped)?;
        if !piped {
            let file = quoted(&self.file.display().to_string());
            let restore = next.on_data(&format!("restore --force {file}"));
            let text =
                format!("copy it to another machine; to put it back, stop the server and run\n  {restore}");
            next::hint(self.format, &text);
        }
        Ok(())
    }

    fn check(&self, source: &Path, piped: bool) -> Result<(), CommandError> {
        let name = self.file.display();
        if piped {
            return match (stdout().is_terminal(), self.format.json) {
                (true, _) => {
                    Err(CommandError::new("a backup is no text for a terminal: pipe it on, or name a file"))
                }
                (_, true) => {
                    Err(CommandError::new("standard output is the backup itself: --json needs a file"))
                }
                (false, false) => Ok(()),
            };
        }
        let own = ["", "-wal", "-shm"].map(|end| PathBuf::from(format!("{}{end}", source.display())));
        if own.iter().any(|own| is_same_file(&self.file, own)) {
            return Err(CommandError::new(format!(
                "{name} is where the data themselves are: name another file"
            )));
        }
        match fs::metadata(&self.file) {
            Ok(found) if !found.is_file() => {
                Err(CommandError::new(format!("{name} is no file: name one to write")))
            }
            Ok(_) if !self.force => Err(CommandError::new(format!(
                "{name} is there already: name another file, or replace it with --force"
            ))),
            _ => Ok(()),
        }
    }

    fn report(
        &self,
        settings: &Settings,
        sound: &Sound,
        noted: &Result<bool, CommandError>,
        piped: bool,
    ) -> Result<(), CommandError> {
        let is_noted = matches!(noted, Ok(true));
        if self.format.json {
            let mut answer = sound.as_json();
            if let Some(members) = answer.as_object_mut() {
                members.insert("file".to_owned(), json!(self.file));
                members.insert("intact".to_owned(), json!(true));
                members.insert("master_key_included".to_owned(), json!(false));
                members.insert("seals_checked".to_owned(), json!(!matches!(noted, Ok(false))));
                members.insert("sealed".to_owned(), json!(!matches!(noted, Ok(false))));
                members.insert("noted_in_audit_log".to_owned(), json!(is_noted));
            }
            return Ok(output::json(&answer)?);
        }
        let mut lines = vec![format!(
            "{} {}: {}.",
            if piped { "Sent" } else { "Wrote" },
            if piped { "the backup".to_owned() } else { self.file.display().to_string() },
            sound.in_words()
        )];
        let fingerprint = &sound.fingerprint;
        match noted {
            Ok(false) => lines.push(format!(
                "The master key with the fingerprint {fingerprint} was not found here: the seals of the audit log are unchecked, the \
                 backup is not noted in it and has no seal itself (duku restore --unsealed). Without that key, the backup cannot be \
                 used."
            )),
            _ => lines.push(format!(
                "The master key is not in it, and without it the backup cannot be used: keep a copy of the one with the fingerprint \
                 {fingerprint} (it is in {}), somewhere else than the backup.",
                master_key::place(settings)
            )),
        }
        if let Err(error) = noted {
            lines.push(format!(
                "The backup is good, but the audit log of the data does not know of it: {error}."
            ));
        }
        let text = lines.join("\n");
        if piped {
            output::aside(&text);
            return Ok(());
        }
        Ok(output::line(&text)?)
    }
}

/// The master key, if it is here. One that does not fit the data helps nobody later: better to say so now.
async fn fitting_key(settings: &Settings) -> Result<Option<MasterKey>, CommandError> {
    let Some(key) = master_key::present(settings)? else { return Ok(None) };
    let store = Store::open_as_it_is(&settings.store_options()?).await?;
    match service::sealed_under(&store).await? {
        Some(expected) if expected != key.fingerprint() => Err(CommandError::new(format!(
            "the master key in {} has the fingerprint {}, the data are sealed under {expected}: no backup is made with a key that \
             does not fit",
            master_key::place(settings),
            key.fingerprint()
        ))),
        _ => Ok(Some(key)),
    }
}

fn write(
    settings: &Settings,
    source: &Path,
    draft: &Draft,
    master_key: Option<&MasterKey>,
) -> Result<Sound, CommandError> {
    let patience = settings.store_options()?.patience;
    store::copy_sqlite(source, &draft.path, patience).map_err(|error| match error {
        store::StoreError::Full => CommandError::new(format!(
            "there is no room for the backup at {}: the data take {}; free some space, or choose another disk",
            draft.path.display(),
            size(fs::metadata(source).map_or(0, |data| data.len()))
        )),
        other => other.into(),
    })?;
    let mut sound = apart(|| examine(&draft.path, master_key))?;
    if let Some(key) = master_key {
        seal::seal(&draft.path, key, &mut sound)?;
    }
    Ok(sound)
}

/// The file under the name that it has until it is whole. Gone again if it never was.
struct Draft {
    path: PathBuf,
    _lock: File,
}

impl Draft {
    fn make(target: &Path) -> Result<Self, CommandError> {
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        // What a command that was killed left behind is in nobody's way.
        if let Ok(left) = File::open(&path) {
            if left.try_lock().is_err() {
                return Err(CommandError::new(format!(
                    "{} is being written by another `duku backup`",
                    path.display()
                )));
            }
            fs::remove_file(&path)?;
        }
        let file = store::create_private(&path)?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Self { path, _lock: file })
    }

    fn put(self, target: &Path) -> Result<(), CommandError> {
        let rejection =
            |error: io::Error| CommandError::new(format!("cannot write {}: {error}", target.display()));
        fs::rename(&self.path, target).map_err(rejection)?;
        File::open(store::folder_of(target)).and_then(|folder| folder.sync_all()).map_err(rejection)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn send(draft: &Draft) -> Result<(), CommandError> {
    let mut out = stdout().lock();
    io::copy(&mut File::open(&draft.path)?, &mut out)
        .and_then(|_| out.flush())
        .map_err(|error| CommandError::new(format!("the backup was not sent to its end: {error}")))
}

async fn note(settings: &Settings, file: &Path, sound: &Sound) -> Result<(), CommandError> {
    let ambient = Ambient::system();
    // Not migrated: a backup before an upgrade, made with the new binary, must leave the data to the old one.
    let store = Store::open_as_it_is(&settings.store_options()?).await?;
    let urls = urls(settings, &store).await?;
    let key = master_key::find(settings, &store, &*ambient.entropy).await?;
    let entropy = Arc::clone(&ambient.entropy);
    let ctx = ambient.background("backup");
    let service = Service::open(store, key, settings.policy(&urls)?, entropy, &ctx).await?;
    let operator = signing_keys::operator(&operating_system_user());
    let details = json!({ "bytes": sound.bytes, "schema": sound.schema });
    let noted = service.operations().note_backup(&ctx, operator, &file.display().to_string(), details).await;
    app::checkpoint_if_alone(service.store()).await;
    Ok(noted?)
}
