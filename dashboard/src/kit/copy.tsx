import { useRef, useState } from 'react';
import css from './copy.module.css';

/** The clipboard of `navigator` is there over https alone; a phone on the local network copies what is selected, as pages always did. */
async function copy(text: string, from: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(from);
    const selection = getSelection();
    selection?.removeAllRanges();
    selection?.addRange(range);
    return document.execCommand('copy');
  }
}

interface Props {
  text: string;
  /** What it is, for the button: "key". */
  name: string;
}

/** A text to take away, with a button that copies it; where a browser lets nobody copy, it is selected, and the button says so. */
export function Copyable({ text, name }: Props) {
  const box = useRef<HTMLPreElement>(null);
  const [told, setTold] = useState('');
  return (
    <div className={css.box}>
      <pre ref={box} tabIndex={0} aria-label={name}>{text}</pre>
      <div className="row">
        <button type="button" className="small" onClick={() => void copy(text, box.current!).then((done) => setTold(done ? 'Copied.' : 'It is selected: copy it with Ctrl-C.'))}>Copy {name}</button>
        <span className="small quiet" role="status">{told}</span>
      </div>
    </div>
  );
}
