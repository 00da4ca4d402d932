/** A restore that was not done, in words for the person who asked. The live database is as it was. */
export class RestoreFailed extends Error {
  constructor(
    readonly code: 'NO_BACKUP' | 'SEVERAL_SYSTEMS' | 'NOT_VERIFIED' | 'BACKUP_DAMAGED' | 'BACKUP_NEWER' | 'SERVER_OLDER' | 'NO_RIGHTS' | 'OTHER_SYSTEM' | 'NOT_THE_SAME' | 'RESTORE_RUNNING' | 'IN_USE' | 'NAME_TAKEN' | 'NOTHING_TO_CONTINUE' | 'NOT_KEPT' | 'WRONG_KIND' | 'RESTORE_FAILED',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
