"""The one place where this project meets MongoDB's, Kafka's and HTTP's own libraries, for every service."""
