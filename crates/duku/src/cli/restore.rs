//! `duku restore`: a backup takes the place of the data. What was there is kept; what was ended since is told.

use super::{
    admin::{Format, operating_system_user, urls},
    backup::check::{Sound, ago, apart, examine, is_same_file, sqlite_file},
    backup::seal::Seal,
    next::{self, Next},
    output, restore_report,
};
use crate::{
    app::{self, Ambient},
    command_error::CommandError,
    master_key,
    settings::Settings,
};
use clap::Args;
use domain::Timestamp;
use serde_json::json;
use service::{Error, Principal, Rejection, RequestContext, Service, tokens::signing_keys};
use std::{
    fs::File,
    io::{Read, stdin},
    path::{Path, PathBuf},
    time::Duration,
};
use store::{Differences, Options, RunningGrace, SoleUse, Store};

const POSTGRES: &str = "which has tools of its own: stop every node, then `pg_restore --clean --if-exists --dbname=\"$DUKU_DATABASE_URL\" \
     duku.dump`, or recover the base backup to the moment that you want";

/// How long the copy's own log may take into it.
const CLOSE: Duration = Duration::from_mins(5);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  systemctl stop duku && duku restore --force /backup/duku.db && systemctl start duku\n  duku restore --as-it-was /backup/duku.db      (onto another machine, and nothing has happened since)\n\nThe master key that the backup was sealed under must be in its place first. The data that are there are moved aside,\nnever deleted. What was revoked or rotated after the backup was made works again: the command lists what it can find of it."
)]
pub(crate) struct Restore {
    /// The backup; - is standard input
    file: PathBuf,
    /// Go on where there are data already: they are moved aside, to a name that is told
    #[arg(long)]
    force: bool,
    /// Leave sessions, access tokens, links and invitations as they were; otherwise all of them end
    #[arg(long)]
    as_it_was: bool,
    /// Restore a file without a seal: data that were moved aside, or a backup of an earlier version; a change to it is not noticed
    #[arg(long)]
    unsealed: bool,
    #[command(flatten)]
    format: Format,
}

/// What a restore came to.
struct Done {
    place: PathBuf,
    aside: Option<PathBuf>,
    sound: Sound,
    /// `Err` where there were data that could not be compared with.
    differences: Result<Option<Differences>, String>,
    /// Keys whose previous secret works in the restored data.
    graces: Vec<RunningGrace>,
}

impl Restore {
    pub(crate) fn run(self, settings: &Settings, next: &Next) -> Result<(), CommandError> {
        let place = sqlite_file(settings, POSTGRES)?;
        self.check(&place)?;
        app::make_data_dir(settings)?;
        output::progress("Copying and checking …");
        let ambient = Ambient::system();
        let done = self.replace(settings, &ambient, place);
        self.report(&done?, domain::Clock::now(&*ambient.clock))?;
        let serve = next.on_data("serve");
        next::hint(
            self.format,
            &format!("once nothing is left to end, start the server, as it was started before:\n  {serve}"),
        );
        Ok(())
    }

    fn check(&self, place: &Path) -> Result<(), CommandError> {
        let name = self.file.display();
        if is_same_file(&self.file, place) {
            return Err(CommandError::new(format!("{name} is where the data themselves are: name a backup")));
        }
        if std::fs::metadata(&self.file).is_ok_and(|found| found.is_dir()) {
            return Err(CommandError::new(format!("{name} is a directory: name the backup in it")));
        }
        let log = PathBuf::from(format!("{name}-wal"));
        if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(CommandError::new(format!(
                "{name} is no backup but data with a log beside it ({}): make one with `duku backup --data-dir …`",
                log.display()
            )));
        }
        if (place.exists() || store::has_sqlite_data(place)) && !self.force {
            return Err(CommandError::new(format!(
                "there are data at {}: stop the server and add --force, which moves them aside and deletes nothing",
                place.display()
            )));
        }
        Ok(())
    }

    fn replace(&self, settings: &Settings, ambient: &Ambient, place: PathBuf) -> Result<Done, CommandError> {
        let mut source: Box<dyn Read> = if self.file == Path::new("-") {
            Box::new(stdin())
        } else {
            let file = File::open(&self.file);
            Box::new(file.map_err(|error| {
                CommandError::new(format!("cannot read {}: {error}", self.file.display()))
            })?)
        };
        let sole_use = SoleUse::take(&place)?;
        let staged = sole_use.stage(&mut source)?;
        let (sound, differences) = self.prepare(settings, ambient, &sole_use, &staged)?;
        let graces = sole_use.running_graces(&staged, domain::Clock::now(&*ambient.clock))?;
        let suffix = format!(".before-restore-{}", compact(domain::Clock::now(&*ambient.clock)));
        let aside = sole_use.put_in_place(&staged, &suffix)?;
        Ok(Done { place, aside, sound, differences, graces })
    }

    /// Everything but the last step: nobody but this command has seen the new data when they take their place.
    fn prepare(
        &self,
        settings: &Settings,
        ambient: &Ambient,
        sole_use: &SoleUse,
        staged: &Path,
    ) -> Result<(Sound, Result<Option<Differences>, String>), CommandError> {
        let seal = Seal::take(staged)?;
        let sound = apart(|| examine(staged, None))?;
        let key = match master_key::present(settings)? {
            Some(key) if key.fingerprint() == sound.fingerprint => key,
            Some(key) => {
                return Err(CommandError::new(format!(
                    "the backup was sealed under the master key with the fingerprint {}, the one in {} has {}: put the right one there",
                    sound.fingerprint,
                    master_key::place(settings),
                    key.fingerprint()
                )));
            }
            None => {
                return Err(CommandError::new(format!(
                    "the backup was sealed under the master key with the fingerprint {}: put that key into {} with mode 0600, or into \
                     DUKU_MASTER_KEY, then try again",
                    sound.fingerprint,
                    master_key::path(settings).display()
                )));
            }
        };
        match seal {
            Some(seal) => seal.check(staged, &key)?,
            None if self.unsealed => {}
            None => {
                return Err(CommandError::new(format!(
                    "{} has no seal, so nobody can tell whether it was changed: take a backup that `duku backup` sealed, or add \
                     --unsealed if it comes from a place that you trust",
                    self.file.display()
                )));
            }
        }
        let now = domain::Clock::now(&*ambient.clock);
        let sound = apart(|| examine(staged, Some(&key)))?;
        let differences = sole_use.differences(staged, now).map_err(|error| error.to_string());
        let ended = match &differences {
            Ok(Some(found)) if !self.as_it_was => found.graces.as_slice(),
            _ => &[],
        };
        apart(|| self.settle(settings, ambient, staged, &sound, ended))?;
        Ok((sound, differences))
    }

    /// Brings the copy to this binary's schema, ends what must not come back, and writes down where the data come from.
    async fn settle(
        &self,
        settings: &Settings,
        ambient: &Ambient,
        staged: &Path,
        sound: &Sound,
        ended: &[RunningGrace],
    ) -> Result<(), CommandError> {
        let store = Store::open(&Options::new(store::Location::Sqlite(staged.to_owned()))).await?;
        let urls = urls(settings, &store).await?;
        let service = app::open_service(settings, store, &urls, ambient).await?;
        let details = json!({
            "newest_entry_at": sound.newest.map(|at| at.to_string()),
            "ended_sessions_and_tokens": !self.as_it_was,
        });
        let operator = signing_keys::operator(&operating_system_user());
        end_again(&service, &ambient.background("restore"), ended).await?;
        let (ctx, name) = (ambient.background("restore"), self.file.display().to_string());
        service.operations().note_restore(&ctx, &operator, &name, details, !self.as_it_was).await?;
        // The thread that writes still had the copy open when it was to take its place, which was rejected then.
        service.store().close(Duration::ZERO, CLOSE).await?;
        Ok(())
    }

    fn report(&self, done: &Done, now: Timestamp) -> Result<(), CommandError> {
        if self.format.json {
            let mut answer = done.sound.as_json();
            if let Some(members) = answer.as_object_mut() {
                members.insert("file".to_owned(), json!(self.file));
                members.insert("data".to_owned(), json!(done.place));
                members.insert("former_data".to_owned(), json!(done.aside));
                members.insert("ended_sessions_and_tokens".to_owned(), json!(!self.as_it_was));
                members.insert(
                    "differences".to_owned(),
                    restore_report::as_json(&done.differences, self.as_it_was),
                );
                members.insert("previous_secrets_that_work".to_owned(), restore_report::graces(&done.graces));
            }
            return Ok(output::json(&answer)?);
        }
        let mut lines = vec![format!("Restored {}: {}.", done.place.display(), done.sound.in_words())];
        if let Some(newest) = done.sound.newest {
            lines.push(format!(
                "Its newest entry of the audit log is of {newest}, {}: what was done since is not in it.",
                ago(newest, now)
            ));
        }
        if let Some(aside) = &done.aside {
            lines.push(format!("The data that were there are in {}.", aside.display()));
        }
        lines.push(if self.as_it_was {
            "Sessions, access tokens, links and invitations are as they were.".to_owned()
        } else {
            "Ended: every session, access token, link and invitation. People sign in again; API keys work."
                .to_owned()
        });
        lines.push(String::new());
        lines.extend(restore_report::what_comes_back(&done.differences, &done.graces, self.as_it_was));
        Ok(output::line(&lines.join("\n"))?)
    }
}

/// Ends graces that had ended in the former data: whoever has one of these secrets has had no use of it since.
async fn end_again(
    service: &Service,
    ctx: &RequestContext,
    ended: &[RunningGrace],
) -> Result<(), CommandError> {
    for grace in ended {
        let organisation = service.organisations().find(&grace.organisation_id).await?;
        let principal = Principal::operator(operating_system_user(), &organisation);
        match service.keys().end_grace(ctx, &principal, &grace.id).await {
            // Its time came meanwhile.
            Err(Error::Rejection(Rejection::Conflict(_))) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// A time as it may stand in a file's name.
fn compact(now: Timestamp) -> String {
    now.to_whole_second().to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}
