import { useState } from 'react';
import { chooseTheme, chosenTheme, type Theme } from '../../frame/theme.js';
import { Panel } from '../../kit/panel.js';

const THEMES: Record<Theme, string> = { system: "As this device's settings say", light: 'Light', dark: 'Dark' };

export function Appearance() {
  const [theme, setTheme] = useState(chosenTheme);
  const choose = (next: Theme) => {
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <Panel title="Theme">
      <div className="stack" role="radiogroup" aria-label="Theme">
        {(Object.keys(THEMES) as Theme[]).map((each) => <label key={each} className="row"><input type="radio" name="theme" checked={theme === each} onChange={() => choose(each)} /> {THEMES[each]}</label>)}
      </div>
      <p className="quiet small">Kept on this device. Times are shown in its zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}; the exact UTC time is said where you point at one.</p>
    </Panel>
  );
}
