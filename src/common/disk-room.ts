import { statfs } from 'node:fs/promises';

export interface DiskRoom {
  freeBytes: number;
  totalBytes: number;
  /** Of what may be written at all, as df counts: what is kept for root is not free. To a tenth. */
  freePercent: number;
}

/** Of the disk that a folder lies on. @throws where the folder is not there, or its disk has no size */
export async function diskRoom(path: string): Promise<DiskRoom> {
  const { bsize, blocks, bfree, bavail } = await statfs(path);
  const mine = blocks - bfree + bavail;
  if (mine <= 0) throw new Error('it has no size');
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freePercent: Math.round((bavail / mine) * 1_000) / 10 };
}
