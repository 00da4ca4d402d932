import { uuid } from './uuid.js';

/** A browser gives HTTP/1.1 six connections for all its windows together; so many of them may hold a stream. */
const STREAMS_MOST = 3;

type Word = 'opened' | 'closed' | 'room';

/** What the windows of one browser tell each other about their connections: who holds a stream, and who needs room. */
export class Neighbours {
  private readonly self = uuid();
  private readonly newer = new Set<string>();
  private readonly channel = new BroadcastChannel('tradewarden');

  /** @param onCrowded this one's stream is no longer among the newest @param onRoom another window has something that cannot wait */
  constructor(onCrowded: () => void, onRoom: () => void) {
    this.channel.onmessage = ({ data }: MessageEvent<{ from: string; word: Word }>) => {
      if (data.word === 'room') onRoom();
      else if (data.word === 'closed') this.newer.delete(data.from);
      else {
        this.newer.add(data.from);
        if (this.newer.size >= STREAMS_MOST) onCrowded();
      }
    };
  }

  say(word: Word): void {
    if (word === 'opened') this.newer.clear();
    this.channel.postMessage({ from: this.self, word });
  }

  end(): void {
    this.say('closed');
    this.channel.close();
  }
}
