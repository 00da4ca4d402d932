import { useState } from 'react';
import { signOut, useSession } from '../api/session.js';
import css from './strip.module.css';
import { chooseTheme, chosenTheme, type Theme } from './theme.js';

const THEMES: Theme[] = ['system', 'light', 'dark'];

/** Who looks, what they may, and the way out. */
export function UserMenu() {
  const session = useSession();
  const [theme, setTheme] = useState(chosenTheme);
  const [busy, setBusy] = useState(false);
  if (session.state !== 'in') return null;
  const { email, name, role } = session.user;
  const leave = () => {
    setBusy(true);
    void signOut().finally(() => setBusy(false));
  };
  return (
    <details className={css.user} onKeyDown={(event) => { if (event.key === 'Escape') event.currentTarget.open = false; }}>
      <summary title={`Signed in as ${email}`}><span className="unseen">Signed in as {email}: </span>{(name || email).slice(0, 1).toUpperCase()} <span className={css.role}>{role}</span></summary>
      <div className={css.menu}>
        <p className={css.who}>{email}<br /><span className="quiet small">{role}</span></p>
        <label className="small">Look
          <select value={theme} onChange={({ target }) => { chooseTheme(target.value as Theme); setTheme(target.value as Theme); }}>
            {THEMES.map((each) => <option key={each} value={each}>{each}</option>)}
          </select>
        </label>
        <button type="button" disabled={busy} onClick={leave}>{busy ? 'Signing out …' : 'Sign out'}</button>
      </div>
    </details>
  );
}
