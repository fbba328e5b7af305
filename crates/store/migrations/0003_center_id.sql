-- Which center this is, drawn once: what lies outside the database, such as the engine's directory, carries it too.
CREATE TABLE center_id (
    id BIGINT PRIMARY KEY,
    center TEXT NOT NULL
);
