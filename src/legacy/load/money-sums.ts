/** Sums of decimals as text, exactly: scaled to the most digits behind the point that came. */
export class DecimalSum {
  private total = 0n;
  private scale = 0;

  add(text: string): void {
    const point = text.indexOf('.');
    const behind = point === -1 ? 0 : text.length - point - 1;
    if (behind > this.scale) {
      this.total *= 10n ** BigInt(behind - this.scale);
      this.scale = behind;
    }
    const digits = point === -1 ? text : text.slice(0, point) + text.slice(point + 1);
    this.total += BigInt(digits) * 10n ** BigInt(this.scale - behind);
  }

  /** Without noughts at its end. */
  toString(): string {
    const sign = this.total < 0n ? '-' : '';
    const digits = String(this.total < 0n ? -this.total : this.total).padStart(this.scale + 1, '0');
    const whole = digits.slice(0, digits.length - this.scale);
    const behind = digits.slice(digits.length - this.scale).replace(/0+$/, '');
    return behind === '' ? `${sign}${whole}` : `${sign}${whole}.${behind}`;
  }
}
