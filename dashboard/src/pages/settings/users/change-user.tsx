import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { HoldButton } from '../../../kit/confirm.js';
import { Dialog } from '../../../kit/dialog.js';
import { Field } from '../../../kit/field.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { ROLES, type User } from './users-tab.js';

type Change = Partial<Pick<User, 'name' | 'role' | 'disabled'>> & { password?: string };

/** Another role, a new password and disabling end the person's sessions at once. */
export function ChangeUser({ user, onClose }: { user: User; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(user.name);
  const [role, setRole] = useState(user.role);
  const [password, setPassword] = useState('');
  const change = useMutation<unknown, ApiError, Change>({
    mutationFn: (body) => answer(api.PATCH('/api/v1/users/{id}', { params: { path: { id: user.id } }, body })),
    onSuccess: () => {
      void makeStale(client, '/api/v1/users', '/api/v1/auth/audit');
      onClose();
    },
  });
  const body: Change = { ...(name !== user.name && { name }), ...(role !== user.role && { role }), ...(password !== '' && { password }) };
  return (
    <Dialog title={user.email} onClose={onClose}>
      <form className="stack" autoComplete="off" onSubmit={(event) => { event.preventDefault(); change.mutate(body); }}>
        <Field name="Name" error={change.error?.of('name')}><input value={name} maxLength={100} autoComplete="off" onChange={({ target }) => setName(target.value)} /></Field>
        <Field name="Role" about="another one ends their sessions" error={change.error?.of('role')}><select value={role} onChange={({ target }) => setRole(target.value as User['role'])}>{Object.entries(ROLES).map(([each, words]) => <option key={each} value={each}>{words}</option>)}</select></Field>
        <Field name="New password" about="at least 12 characters; ends their sessions; empty: stays as it is" error={change.error?.of('password')}><input type="password" value={password} autoComplete="new-password" onChange={({ target }) => setPassword(target.value)} /></Field>
        <ProblemNote error={change.error} holds="Nothing was changed." />
        <div className="row between">
          <button type="submit" className="main" disabled={change.isPending || Object.keys(body).length === 0}>Save</button>
          {user.disabled ? <button type="button" disabled={change.isPending} onClick={() => change.mutate({ disabled: false })}>Let {user.email} sign in again</button> : <HoldButton disabled={change.isPending} onHeld={() => change.mutate({ disabled: true })}>Disable {user.email}</HoldButton>}
        </div>
      </form>
    </Dialog>
  );
}
