import { join, resolve } from 'node:path';
import type { Env } from '../config/env.js';

/** Where backups lie. */
export const backupFolder = (env: Env): string => resolve(env.BACKUP_DIR ?? join(env.DATA_DIR, 'backups'));
