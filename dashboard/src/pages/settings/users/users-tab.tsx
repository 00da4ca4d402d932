import { useState } from 'react';
import { type ItemOf, useList } from '../../../api/queries.js';
import { useSession } from '../../../api/session.js';
import { DataTable } from '../../../kit/data-table.js';
import { Light } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { AddUser } from './add-user.js';
import { ChangeUser } from './change-user.js';

export type User = ItemOf<'/api/v1/users'>;

export const ROLES: Record<User['role'], string> = { viewer: 'viewer: sees everything, changes nothing', operator: 'operator: stops, sends commands, approves', admin: 'admin: also releases, and changes limits and users' };

export function UsersTab() {
  const { query, rows } = useList('/api/v1/users');
  const [isAdding, add] = useState(false);
  const [changing, change] = useState<string | null>(null);
  const session = useSession();
  const user = rows.find(({ id }) => id === changing);
  return (
    <Panel title="Users" actions={<button type="button" onClick={() => add(true)}>Add user</button>}>
      <Fresh query={query}>
        {() => (
          <DataTable label="Users" rows={rows} rowKey={({ id }) => id} more={query} empty="There are none." columns={[
            { name: 'E-mail', cell: ({ id, email }) => <>{email}{session.state === 'in' && session.user.id === id ? <span className="quiet small"> you</span> : null}</> },
            { name: 'Name', wide: true, cell: ({ name }) => name },
            { name: 'Role', cell: ({ role }) => role },
            { name: 'State', cell: ({ disabled }) => (disabled ? <Light tone="off">disabled</Light> : <Light tone="good">may sign in</Light>) },
            { name: 'Since', wide: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
            { name: 'Change', cell: ({ id, email }) => <button type="button" className="small" aria-label={`Change ${email}`} onClick={() => change(id)}>Change</button> },
          ]} />
        )}
      </Fresh>
      {isAdding ? <AddUser onClose={() => add(false)} /> : null}
      {user ? <ChangeUser key={user.id} user={user} onClose={() => change(null)} /> : null}
    </Panel>
  );
}
