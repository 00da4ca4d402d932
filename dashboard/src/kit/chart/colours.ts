/** Colours of the tokens as the browser has resolved them: a canvas does not know `light-dark()`. */
const TOKENS = ['surface', 'line', 'text', 'quiet', 'accent', 'danger', 'doubt', 'gain'] as const;
export type ColourName = (typeof TOKENS)[number];
export type Colours = Record<ColourName, string>;

export function coloursNow(): Colours {
  const probe = document.createElement('span');
  document.body.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = Object.fromEntries(TOKENS.map((name) => [name, read(name)])) as Colours;
  probe.remove();
  return colours;
}

/** Calls back when the person, or their system, changes between light and dark. Answers how to stop it. */
export function onColourChange(changed: () => void): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const chosen = new MutationObserver(changed);
  dark.addEventListener('change', changed);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  return () => {
    dark.removeEventListener('change', changed);
    chosen.disconnect();
  };
}
