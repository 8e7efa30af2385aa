"""What more than one service needs: contracts, region codes, runtime mechanics, adapters to Kafka, MongoDB and HTTP."""
