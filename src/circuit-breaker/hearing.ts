import { Injectable } from '@nestjs/common';

/** Since when this server hears what agents say, by the database's clock. A silence in which it could not hear is not theirs. */
@Injectable()
export class Hearing {
  /** RFC 3339; `infinity`: not yet. */
  since = 'infinity';
}
