import { describe, expect, it } from '@jest/globals';
import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';
import { NoConnection } from './pool.js';
import { constraintOf, isDatabaseAway, plainReason, sqlState } from './sql-state.js';

const state = (code: string, message = 'said by the server') => Object.assign(new Error(message), { code });
const throughTypeorm = (error: Error) => new QueryFailedError('select 1', [], error);

describe('sqlState', () => {
  it.each([
    ['an error of pg', state('23505'), '23505'],
    ['the same through TypeORM', throughTypeorm(state('40P01')), '40P01'],
    ['a code of the network', state('EPIPE'), undefined],
    ['a code of ours', state('AGENT_NAME_TAKEN'), undefined],
    ['an error without code', new Error('no'), undefined],
    ['nothing', null, undefined],
  ])('of %s', (_what, error, expected) => expect(sqlState(error)).toBe(expected));

  it('comes with the name of the constraint', () => {
    const error = Object.assign(state('23505'), { constraint: 'agents_name_unique' });
    expect([constraintOf(error), constraintOf(throughTypeorm(error)), constraintOf(null)]).toEqual(['agents_name_unique', 'agents_name_unique', undefined]);
  });
});

describe('isDatabaseAway', () => {
  it.each([
    '08000', '08001', '08003', '08006', '08P01', '28000', '28P01', '3D000', '53000', '53100', '53200', '53300', '53400', '58000', '58030', '58P01', '57014', '57P01', '57P02',
    '57P03', '57P05', '55P03', '25P03', '25P04', '25006', '40001', '40P01',
  ])('is true for SQLSTATE %s, through TypeORM too', (code) => {
    expect([isDatabaseAway(state(code)), isDatabaseAway(throughTypeorm(state(code)))]).toEqual([true, true]);
  });

  it.each(['22003', '22P02', '23503', '23505', '23514', '42501', '42601', '42703', '42P01', '0A000', 'P0001', 'XX000', '21000'])(
    'is false for SQLSTATE %s: repeating would not help',
    (code) => expect([isDatabaseAway(state(code)), isDatabaseAway(throughTypeorm(state(code)))]).toEqual([false, false]),
  );

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN'])('is true for %s', (code) => {
    expect(isDatabaseAway(state(code, ''))).toBe(true);
    expect(isDatabaseAway(throughTypeorm(state(code, '')))).toBe(true);
    expect(isDatabaseAway(new Error('outer', { cause: state(code) }))).toBe(true);
    expect(isDatabaseAway(new AggregateError([state(code)], ''))).toBe(true);
  });

  it.each([
    ['pg on a lost connection', throughTypeorm(new Error('Connection terminated unexpectedly'))],
    ['pg on a statement without an answer', throughTypeorm(new Error('Query read timeout'))],
    ['pg on a dead connection', new Error('Client has encountered a connection error and is not queryable')],
    ['TypeORM between two statements of a transaction whose connection is gone', new QueryRunnerAlreadyReleasedError()],
    ['a pool that found no connection', new NoConnection(new Error('timeout exceeded when trying to connect'))],
    ['a pool whose server refused TLS', new NoConnection(new Error('The server does not support SSL connections'))],
    ['a pool that is closing', new Error('Cannot use a pool after calling end on the pool')],
  ])('is true for what is said by %s', (_who, error) => expect(isDatabaseAway(error)).toBe(true));

  it.each([
    ['a bug', new TypeError("Cannot read properties of undefined (reading 'id')")],
    ['text that mentions the words', state('22023', 'connection terminated, says a comment')],
    ['nothing', undefined],
    ['a string', 'ECONNREFUSED'],
  ])('is false for %s', (_what, error) => expect(isDatabaseAway(error)).toBe(false));
});

describe('plainReason', () => {
  it.each([
    ['the database refused the credentials', state('28P01', 'password authentication failed for user "writer"')],
    ['the database does not exist', state('3D000', 'database "x" does not exist')],
    ['the database has no connection left', state('53300')],
    ['the disk of the database is full', state('53100')],
    ['the database cannot read or write its files', state('58030', 'could not read block 7 of file "base/5/1259": Input/output error')],
    ['the database does not let its role do this: "tradewarden migrate" grants anew what it needs', throughTypeorm(state('42501', 'permission denied for table agents'))],
    ['the database is starting up or shutting down', state('57P03')],
    ['the database is starting up or shutting down', new NoConnection(state('57P01'))],
    ['the database cannot be reached', new AggregateError([], '')],
    ['the database cannot be reached (ECONNREFUSED)', state('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.7:5432')],
    ['the database cannot be reached (ENOTFOUND)', new NoConnection(state('ENOTFOUND', 'getaddrinfo ENOTFOUND db.internal'))],
    ['the database does not answer', new Error('timeout expired')],
  ])('is “%s”: neither address nor user', (expected, error) => expect(plainReason(error)).toBe(expected));
});
