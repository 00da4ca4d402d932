import { Panel } from '../../kit/panel.js';

/** The comparison runs where the statement is: it is no business of this page to carry it about. */
export const StatementNote = () => (
  <Panel title="Does the broker say the same?">
    <p>
      On the server, this compares a broker’s statement deal by deal with what is recorded here, and says what is missing on either side and what differs:
    </p>
    <pre tabIndex={0}>tradewarden statement &lt;file&gt; --account &lt;name&gt;</pre>
    <p className="small quiet">It reads the file and the database and changes neither. <code>tradewarden statement --help</code> says which files it reads and what its exit codes mean.</p>
  </Panel>
);
