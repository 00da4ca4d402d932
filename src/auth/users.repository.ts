import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Role } from '../common/principal.js';
import type { Tx } from '../database/transaction.js';

export interface UserRow {
  id: string; seq: number; email: string; name: string; role: Role; password_hash: string; disabled_at: string | null;
  session_version: number; created_at: string;
}

@Injectable()
export class UsersRepository {
  constructor(private readonly dataSource: DataSource) {}

  async count(): Promise<number> {
    const [row] = await this.dataSource.sql<{ users: number }[]>`select count(*)::int as users from users`;
    return row?.users ?? 0;
  }

  async byId(id: string): Promise<UserRow | null> {
    const [row] = await this.dataSource.sql<UserRow[]>`select * from users where id = ${id}`;
    return row ?? null;
  }

  async byEmail(email: string): Promise<UserRow | null> {
    const [row] = await this.dataSource.sql<UserRow[]>`select * from users where email = ${email.toLowerCase()}`;
    return row ?? null;
  }

  async lock(tx: Tx, id: string): Promise<UserRow | null> {
    const [row] = await tx.sql<UserRow[]>`select * from users where id = ${id} for no key update`;
    return row ?? null;
  }

  list(limit: number, after: string | undefined): Promise<UserRow[]> {
    return this.dataSource.sql`select * from users where seq > ${after ?? 0} order by seq limit ${limit + 1}`;
  }

  /** Of everybody who ever was one: what they did stays, and says who it was. */
  names(): Promise<{ id: string; name: string }[]> {
    return this.dataSource.sql`select id, name from users order by seq`;
  }

  /** Null when the e-mail address is taken. */
  async insert(tx: Tx, user: Pick<UserRow, 'id' | 'email' | 'name' | 'role' | 'password_hash'>): Promise<UserRow | null> {
    const [row] = await tx.sql<UserRow[]>`
      insert into users (id, email, name, role, password_hash)
      values (${user.id}, ${user.email.toLowerCase()}, ${user.name}, ${user.role}, ${user.password_hash})
      on conflict (email) do nothing returning *`;
    return row ?? null;
  }

  async update(tx: Tx, user: UserRow, endSessions: boolean): Promise<UserRow> {
    const [row] = await tx.sql<UserRow[]>`
      with changed as (
        update users set name = ${user.name}, role = ${user.role}, password_hash = ${user.password_hash},
          disabled_at = ${user.disabled_at}, session_version = session_version + ${endSessions ? 1 : 0}, updated_at = app_clock()
        where id = ${user.id} returning *
      ) select * from changed`;
    if (!row) throw new Error('the locked user is gone');
    return row;
  }

  /** Locks every active administrator, so that two changes cannot each leave the other as the last. */
  async otherAdmins(tx: Tx, id: string): Promise<number> {
    const rows: { id: string }[] = await tx.sql`
      select id from users where role = 'admin' and disabled_at is null order by id for no key update`;
    return rows.filter((row) => row.id !== id).length;
  }
}
