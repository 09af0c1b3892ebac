// Short messages in the corner; one may offer a way back.
export interface Toast {
  id: number;
  message: string;
  tone: 'plain' | 'danger';
  action?: { label: string; run: () => void };
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  show(message: string, action?: Toast['action']): void {
    this.#add({ id: this.#next++, message, tone: 'plain', action }, action ? 9000 : 5000);
  }

  fail(message: string, action?: Toast['action']): void {
    this.#add({ id: this.#next++, message, tone: 'danger', action }, 10_000);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #add(toast: Toast, milliseconds: number): void {
    this.list = [...this.list.slice(-3), toast];
    setTimeout(() => this.dismiss(toast.id), milliseconds);
  }
}

export const toasts = new Toasts();
