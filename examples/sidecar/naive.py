"""The service as people write it: a map of maps in the process. Nothing bounds it."""

import service


class Store:
    def __init__(self):
        self.users = {}

    def put(self, user, key, value):
        self.users.setdefault(user, {})[key] = value

    def get(self, user, key):
        return self.users.get(user, {}).get(key)

    def get_all(self, user):
        return dict(self.users.get(user, {}))

    def drop(self, user):
        self.users.pop(user, None)


if __name__ == "__main__":
    service.run(service.options(__doc__).parse_args(), Store())
