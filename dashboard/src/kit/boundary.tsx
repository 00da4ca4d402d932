import { Component, type ReactNode } from 'react';

interface Props {
  /** What is shown in place of what failed. */
  instead: (error: Error, again: () => void) => ReactNode;
  /** When it changes, what failed is tried again: another page, another person. */
  of?: string;
  children: ReactNode;
}

interface State {
  error: Error | null;
  of: string | undefined;
}

/** A fault in a part of the page ends that part alone: without it one bad figure would take Stop away with everything else. */
export class Boundary extends Component<Props, State> {
  override state: State = { error: null, of: this.props.of };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  static getDerivedStateFromProps({ of }: Props, state: State): Partial<State> | null {
    return of === state.of ? null : { error: null, of };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? this.props.instead(error, () => this.setState({ error: null })) : this.props.children;
  }
}
