import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { Dialog } from '../../../kit/dialog.js';
import { Field } from '../../../kit/field.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { ROLES, type User } from './users-tab.js';

export function AddUser({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState<User['role']>('viewer');
  const [password, setPassword] = useState('');
  const make = useMutation<unknown, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/users', { body: { email, role, password, ...(name.trim() && { name }) } })),
    onSuccess: () => {
      void makeStale(client, '/api/v1/users', '/api/v1/auth/audit');
      onClose();
    },
  });
  return (
    <Dialog title="Add user" onClose={onClose}>
      <form className="stack" autoComplete="off" onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
        <Field name="E-mail" error={make.error?.of('email')}><input type="email" value={email} required autoComplete="off" onChange={({ target }) => setEmail(target.value)} /></Field>
        <Field name="Name (optional)" error={make.error?.of('name')}><input value={name} maxLength={100} autoComplete="off" onChange={({ target }) => setName(target.value)} /></Field>
        <Field name="Role" error={make.error?.of('role')}><select value={role} onChange={({ target }) => setRole(target.value as User['role'])}>{Object.entries(ROLES).map(([each, words]) => <option key={each} value={each}>{words}</option>)}</select></Field>
        <Field name="Password" about="at least 12 characters; say it to them by another way" error={make.error?.of('password')}><input type="password" value={password} required autoComplete="new-password" onChange={({ target }) => setPassword(target.value)} /></Field>
        <ProblemNote error={make.error} holds="Nobody was added." />
        <div><button type="submit" className="main" disabled={make.isPending}>{make.isPending ? 'Adding …' : 'Add user'}</button></div>
      </form>
    </Dialog>
  );
}
