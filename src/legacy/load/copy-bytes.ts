/** Lines of a COPY as the bytes that are sent: as text a thousand rows outlived the young generation, and half of an import was collecting them. */
export class CopyBytes {
  private bytes = Buffer.alloc(1 << 16);
  private end = 0;

  /** @param line with its line feed */
  add(line: string): void {
    const most = this.end + 3 * line.length;
    if (most > this.bytes.length) {
      const larger = Buffer.alloc(2 * most);
      this.bytes.copy(larger, 0, 0, this.end);
      this.bytes = larger;
    }
    this.end += this.bytes.write(line, this.end, 'utf8');
  }

  get length(): number {
    return this.end;
  }

  /** Good until the next row is added. */
  taken(): Buffer {
    return this.bytes.subarray(0, this.end);
  }

  clear(): void {
    this.end = 0;
  }
}
