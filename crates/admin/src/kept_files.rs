//! Files of callers that visitors have chosen, kept for the next preview: a browser sends a file once, with the form in
//! which it was chosen.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;

use crate::session::SessionId;

/// Further files push out the oldest ones, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A file is dropped when it was not used for this long.
const IDLE: Duration = Duration::from_mins(30);

/// A file of callers.
#[derive(Clone, Debug)]
pub(crate) struct CallersFile {
    pub(crate) name: String,
    pub(crate) content: Bytes,
}

struct Kept {
    id: String,
    /// The key of its session's forms.
    owner: String,
    file: CallersFile,
    used: Instant,
}

/// The files of this process, the one that was used last at the end.
#[derive(Default)]
pub(crate) struct KeptFiles(Mutex<VecDeque<Kept>>);

impl KeptFiles {
    /// Keeps a file for a session, and returns its id; `None` if the system has no random numbers.
    pub(crate) fn keep(&self, owner: &SessionId, file: CallersFile) -> Option<String> {
        let id = SessionId::generate()?.form_key();
        self.add(Kept { id: id.clone(), owner: owner.form_key(), file, used: Instant::now() });
        Some(id)
    }

    fn add(&self, kept: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.used.elapsed() < IDLE);
        all.push_back(kept);
        let mut bytes: usize = all.iter().map(|kept| kept.file.content.len()).sum();
        while bytes > MOST_BYTES {
            bytes -= all.pop_front().map_or(bytes, |kept| kept.file.content.len());
        }
    }

    /// The file with an id; `None` if it is no longer kept, or of another session.
    pub(crate) fn find(&self, owner: &SessionId, id: &str) -> Option<CallersFile> {
        let found = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|kept| kept.used.elapsed() < IDLE);
            let place = all.iter().position(|kept| kept.id == id && owner.owns(&kept.owner))?;
            all.remove(place)?
        };
        let file = found.file.clone();
        self.add(Kept { used: Instant::now(), ..found });
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: usize) -> CallersFile {
        CallersFile { name: "a.jsonl".to_owned(), content: vec![b'x'; bytes].into() }
    }

    #[test]
    fn files_are_kept_for_their_session_in_bounded_memory() {
        let (kept, [ann, bob]) = (KeptFiles::default(), [(); 2].map(|()| SessionId::generate().unwrap()));
        let third = MOST_BYTES / 3;
        let [first, second, third] = [(); 3].map(|()| kept.keep(&ann, file(third)).unwrap());
        assert!(kept.find(&bob, &first).is_none(), "of another session");
        // Used again, it is not the oldest any longer.
        assert_eq!(kept.find(&ann, &first).unwrap().name, "a.jsonl");
        let last = kept.keep(&bob, file(1024)).unwrap();
        assert!(kept.find(&ann, &second).is_none(), "pushed out");
        assert!(kept.find(&ann, &first).is_some() && kept.find(&ann, &third).is_some());
        assert!(kept.find(&bob, &last).is_some() && kept.find(&bob, "").is_none());
        assert!(kept.keep(&ann, file(MOST_BYTES + 1)).is_some());
        assert!(kept.find(&ann, &first).is_none());
        assert_eq!(kept.0.lock().unwrap().len(), 0, "larger than all that may be kept");
    }
}
