import { z } from 'zod';

/** Of what a folder of a backup says about itself; one that is not known is refused, never guessed at. */
export const FORMAT = 1;

export const MANIFEST = 'manifest.json';
export const CHECKSUMS = 'SHA256SUMS';
export const VERIFIED = 'verified.json';
export const DUMP = 'dump.pgc';
export const BASE = 'base.tar.gz';

/** `tradewarden-20260131T020000Z-0a1b2c3d`: nothing else in the folder of backups is ours. */
export const BACKUP_NAME = /^tradewarden-\d{8}T\d{6}Z-[0-9a-f]{8}$/;
/** What is being written, or was when its writer ended. */
export const PARTIAL_NAME = /^\.partial-tradewarden-\d{8}T\d{6}Z-[0-9a-f]{8}$/;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const decimal = z.string().regex(/^-?\d+(\.\d+)?$/);
const count = z.number().int().min(0);
/** A path out of the backup's folder would be followed by whoever restores it. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);

const figures = {
  /** Each table of `public` that outlives a crash, a partitioned one as one: `hash` is of all rows in any order. */
  tables: z.array(z.object({ name: z.string().min(1), rows: count, hash: sha256 })),
  /** Exact sums of every column of numeric, as `table.column`. */
  sums: z.record(z.string(), decimal),
  /** The last decision of each stream and its number. */
  chainHeads: z.array(z.object({ stream: z.string(), seq: count, hash: z.string() })),
  eventsSeq: count.nullable(),
  /** Where sequences stand: a copy is taken later than its figures, and may be further on, never behind. */
  sequences: z.array(z.object({ name: z.string(), value: z.number().int() })),
  /** How many of each there are: a copy that lost its triggers has all rows. */
  objects: z.object({ columns: count, constraints: count, indexes: count, triggers: count, functions: count }),
  migrations: z.array(z.string()),
};

export const figuresSchema = z.object(figures);

export const manifestSchema = z.object({
  format: z.literal(FORMAT),
  /** `dump`: pg_dump's custom format. `base`: the files of a whole server, with the WAL up to `base.restorePoint`. */
  kind: z.enum(['dump', 'base']),
  id: z.string().regex(BACKUP_NAME),
  createdAt: z.iso.datetime(),
  database: z.string().min(1),
  /** Its first account, which is never deleted; null: it had none. */
  system: z.uuid().nullable().optional(),
  /** As the server says it, such as `17.10`; and its number, such as 170010. */
  serverVersion: z.string(),
  serverVersionNum: z.number().int().min(150_000),
  toolVersion: z.string(),
  appVersion: z.string(),
  /** The newest migration. */
  schemaVersion: z.string(),
  /** By the database's clock: what was committed before is in the backup. */
  snapshotAt: z.iso.datetime(),
  ...figures,
  base: z.object({ restorePoint: z.string().min(1), startWal: z.string(), endWal: z.string() }).nullable(),
  /** Beside the dump or the copy: archives of decisions, which the database relies on and does not hold. */
  files: z.array(z.object({ name: fileName, bytes: count, sha256 })).min(1),
  /** Archives that were not to be had when it was made. */
  missing: z.array(z.string()).optional(),
});

/** Written beside the manifest once the backup was restored and compared: without it a backup is a hope. */
export const verifiedSchema = z.object({
  ok: z.literal(true),
  at: z.iso.datetime(),
  /** Of the server it was restored on. */
  serverVersion: z.string(),
  seconds: z.number().min(0),
  tables: count,
  /** Of the manifest that was compared with. */
  manifestSha256: sha256,
  /** Of this proof itself, without this line. */
  sha256,
});

export type Figures = z.infer<typeof figuresSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type Verified = z.infer<typeof verifiedSchema>;
