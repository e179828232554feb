//! The settings, which are files of the client's network namespace.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use super::Client;
use crate::error::{Error, Operation, Refusal, Result};
use crate::model::{Setting, SettingValue, State};
use crate::netlink::folder;
use crate::netlink::socket::Transport;
use crate::netlink::uapi::errno;

impl<T: Transport> Client<T> {
    /// All settings that the kernel has. Takes no permissions.
    ///
    /// They are those of the client's network namespace, whichever the calling thread is in; but
    /// `debug_level` is one for all namespaces.
    ///
    /// # Errors
    /// [`Error::Settings`], for example if `/proc` is not mounted.
    pub fn settings(&mut self) -> Result<BTreeMap<Setting, SettingValue>> {
        self.read_settings(|_| true)
    }

    /// The settings that can be set in the client's network namespace. The kernel leaves some
    /// read-only outside the first one.
    ///
    /// # Errors
    /// Those of [`settings`](Self::settings).
    pub fn changeable_settings(&mut self) -> Result<BTreeMap<Setting, SettingValue>> {
        self.read_settings(|changeable| changeable)
    }

    /// One setting. `None` if the kernel does not have it.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub fn setting(&mut self, setting: Setting) -> Result<Option<SettingValue>> {
        match self.connection.transport_mut().read_setting(setting.name()) {
            Ok(text) => Ok(Some(setting.reported(&text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(setting.name(), error)),
        }
    }

    /// Sets a setting of the client's network namespace. (`debug_level` is one for all.)
    ///
    /// # Errors
    /// [`NoSuchSetting`](crate::RefusalKind::NoSuchSetting),
    /// [`SettingReadOnly`](crate::RefusalKind::SettingReadOnly), and
    /// [`Invalid`](crate::RefusalKind::Invalid) for a value that the kernel does not accept. (Old
    /// kernels ignore some of these without a word. That is noticed, and is the same error.)
    pub fn set_setting(&mut self, setting: Setting, value: &SettingValue) -> Result<()> {
        let transport = self.connection.transport_mut();
        let refused = |errno| {
            Error::from(Refusal { operation: Operation::SetSetting, errno, kernel_text: None })
        };
        if !setting.accepts_kind(value) {
            return Err(refused(errno::EINVAL));
        }
        match transport.write_setting(setting.name(), &value.kernel_text()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(refused(errno::ENOENT));
            }
            Err(error) => {
                return Err(match error.raw_os_error() {
                    Some(errno) => refused(errno),
                    None => unreadable(setting.name(), error),
                });
            }
        }
        // A list of CPUs is reported without those that this process may not use.
        if let SettingValue::Text(_) = value {
            return Ok(());
        }
        match self.setting(setting)? {
            Some(now) if !setting.agrees(&now, value) => Err(refused(errno::EINVAL)),
            _ => Ok(()),
        }
    }

    /// The part of the current state that a plan to `wanted` looks at: that of
    /// [`state`](Self::state), with no other settings than those of `wanted`.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn state_for(&mut self, wanted: &State) -> Result<State> {
        self.state_with(wanted.settings.keys())
    }

    /// The current state with these settings, where the kernel has them.
    pub(super) fn state_with<'s>(
        &mut self,
        settings: impl IntoIterator<Item = &'s Setting>,
    ) -> Result<State> {
        let mut state = self.state_without_settings()?;
        for setting in settings {
            if let Some(value) = self.setting(*setting)? {
                state.settings.insert(*setting, value);
            }
        }
        Ok(state)
    }

    fn read_settings(
        &mut self,
        wanted: impl Fn(bool) -> bool,
    ) -> Result<BTreeMap<Setting, SettingValue>> {
        let names = self.connection.transport_mut().settings();
        let mut settings = BTreeMap::new();
        for (name, changeable) in names.map_err(|error| unreadable("", error))? {
            if let Ok(setting) = name.parse::<Setting>()
                && wanted(changeable)
                && let Some(value) = self.setting(setting)?
            {
                settings.insert(setting, value);
            }
        }
        Ok(settings)
    }
}

fn unreadable(name: &str, error: io::Error) -> Error {
    let mut path = std::path::PathBuf::from(folder::PATH);
    if !name.is_empty() {
        path.push(name);
    }
    Error::Settings(path, error)
}
