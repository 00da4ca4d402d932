import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Recent } from './recent.js';

const found = (name: string) => jest.fn(async () => ({ name }));

describe('what was looked up a moment ago', () => {
  it('is not looked up again', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    const recent = new Recent<{ name: string }>();
    const lookUp = found('a');
    for (let i = 0; i < 5; i++) expect(await recent.get('k', lookUp)).toEqual({ name: 'a' });
    expect(lookUp).toHaveBeenCalledTimes(1);
    clock.mockRestore();
  });

  it('is forgotten after half a second, counted from before the look-up', async () => {
    const clock = jest.spyOn(performance, 'now');
    const recent = new Recent<{ name: string }>();
    const lookUp = jest.fn(async () => { clock.mockReturnValue(1_400); return { name: 'a' }; });
    clock.mockReturnValue(1_000);
    await recent.get('k', lookUp);
    clock.mockReturnValue(1_299);
    await recent.get('k', lookUp);
    expect(lookUp).toHaveBeenCalledTimes(1);
    clock.mockReturnValue(1_500);
    await recent.get('k', lookUp);
    expect(lookUp).toHaveBeenCalledTimes(2);
    clock.mockRestore();
  });

  describe('and is asked for when it is about to run out', () => {
    let clock: jest.SpiedFunction<typeof performance.now>;
    const turn = () => jest.advanceTimersByTimeAsync(20);
    /** Looked up at 1,000 and asked for at 1,300, which is late enough. */
    const old = async (then: () => Promise<{ name: string } | null>) => {
      const recent = new Recent<{ name: string }>();
      clock.mockReturnValue(1_000);
      await recent.get('k', found('old'));
      clock.mockReturnValue(1_300);
      const lookUp = jest.fn(then);
      for (let i = 0; i < 5; i++) expect(await recent.get('k', lookUp)).toEqual({ name: 'old' });
      expect(lookUp).not.toHaveBeenCalled();
      await turn();
      expect(lookUp).toHaveBeenCalledTimes(1);
      clock.mockReturnValue(1_499);
      return recent;
    };
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['performance'] });
      clock = jest.spyOn(performance, 'now');
    });
    afterEach(() => {
      clock.mockRestore();
      jest.useRealTimers();
    });

    it('is looked up anew once, and nobody waits for it', async () => {
      const recent = await old(async () => ({ name: 'new' }));
      const later = found('later');
      clock.mockReturnValue(1_599);
      expect(await recent.get('k', later)).toEqual({ name: 'new' });
      // Its half second is counted from its own look-up.
      clock.mockReturnValue(1_800);
      expect(await recent.get('k', later)).toEqual({ name: 'later' });
    });

    it('is gone when it is there no more', async () => {
      const recent = await old(async () => null);
      expect(await recent.get('k', async () => null)).toBeNull();
    });

    it('is kept for its time when the look-up fails, and then looked up by who asks', async () => {
      const recent = await old(() => Promise.reject(new Error('away')));
      expect(await recent.get('k', found('new'))).toEqual({ name: 'old' });
      clock.mockReturnValue(1_500);
      await expect(recent.get('k', () => Promise.reject(new Error('away still')))).rejects.toThrow('away still');
    });
  });

  it('is forgotten at once when something changes, also by who was looking it up then', async () => {
    const recent = new Recent<{ name: string }>();
    await recent.get('k', found('old'));
    recent.forget();
    expect(await recent.get('k', found('new'))).toEqual({ name: 'new' });
    let answer: (value: { name: string }) => void = () => undefined;
    recent.forget();
    const slow = recent.get('k', () => new Promise((resolve) => (answer = resolve)));
    recent.forget();
    answer({ name: 'read before the change' });
    await slow;
    expect(await recent.get('k', found('after'))).toEqual({ name: 'after' });
  });

  it('is nothing when nothing was found: a thousand wrong credentials leave no trace', async () => {
    const recent = new Recent<{ name: string }>();
    const lookUp = jest.fn(async () => null);
    for (let i = 0; i < 1_000; i++) await recent.get(`wrong-${i}`, lookUp);
    expect((recent as unknown as { known: Map<string, unknown> }).known.size).toBe(0);
    await recent.get('wrong-1', lookUp);
    expect(lookUp).toHaveBeenCalledTimes(1_001);
  });
});
